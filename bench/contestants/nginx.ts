/** nginx as a reverse proxy: one worker, no logs, upstream connections kept. */
import type { Contestant, Surroundings } from '../contestant.ts'

export const NGINX: Contestant = {
  name: 'nginx',
  launch: (surroundings) => ({
    argv: ['nginx', '-c', `${surroundings.scratch}/nginx.conf`],
    files: { 'nginx.conf': nginxConfig(surroundings) },
  }),
}

/**
 * The host is passed on and not a header added, as a proxy that nobody should notice would do. 4096
 * kept upstream connections are more than any row has clients.
 */
export function nginxConfig({ port, upstream, scratch }: Surroundings): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${scratch}/nginx.pid;
error_log stderr warn;
events { worker_connections 16000; }
http {
  access_log off;
  ${temp.map((name) => `${name}_temp_path ${scratch}/nginx-${name};`).join('\n  ')}
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  upstream backend {
    server ${upstream.ip}:${upstream.port};
    keepalive 4096;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }
  server {
    listen ${port} backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
    }
  }
}
`
}
