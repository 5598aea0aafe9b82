/** nginx: static files, gzip in chunks, answers from its configuration, and a proxy to an app. */
import { type Origin, startProgram } from './origin.ts'

/**
 * @param app port of a server that `/echo` leads to
 * @param protocol what it speaks with its clients; this version speaks but one on a port
 */
export function startNginx(app: number, protocol: 'http1' | 'h2c' = 'http1'): Promise<Origin> {
  return startProgram((port) => ({
    command: 'nginx',
    args: (folder) => ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'],
    config: {
      name: 'nginx.conf',
      text: () => `
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_timeout 60s;
  types { text/plain txt; text/html html; }
  gzip on;
  gzip_min_length 1;
  gzip_http_version 1.0;
  server {
    listen 127.0.0.1:${port}${protocol === 'h2c' ? ' http2' : ''};
    root files;
    location = /text { return 200 "made by the configuration\\n"; }
    location = /teapot { return 418; }
    location = /gone { return 301 http://elsewhere.test/; }
    location = /nothing { return 204; }
    location = /drop { return 444; }
    location /echo { proxy_pass http://127.0.0.1:${app}; proxy_http_version 1.1; }
  }
}`,
    },
  }))
}
