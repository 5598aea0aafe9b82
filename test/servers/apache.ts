/** Apache httpd: static files, compression in chunks, and bodies sent back. */
import { type Origin, startProgram } from './origin.ts'

const MODULES = '/usr/lib/apache2/modules'

/** @param protocol what it speaks with its clients */
export function startApache(protocol: 'http1' | 'h2c' = 'http1'): Promise<Origin> {
  const modules = [
    ...(protocol === 'h2c' ? ['http2'] : []),
    'mpm_event',
    'authz_core',
    'dir',
    'mime',
    'filter',
    'deflate',
    'alias',
    'reflector',
  ]
  // Apache serves nobody as root.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''
  return startProgram((port) => ({
    command: 'apache2',
    args: (folder) => [
      '-d',
      folder,
      '-f',
      `${folder}/apache.conf`,
      '-E',
      '/dev/stderr',
      '-DFOREGROUND',
    ],
    config: {
      name: 'apache.conf',
      text: (folder) => `
ServerName web.test
Listen 127.0.0.1:${port}
Protocols ${protocol === 'h2c' ? 'h2c' : 'http/1.1'}
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
${user}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex file:${folder}
ErrorLog ${folder}/said
StartServers 1
MinSpareThreads 1
MaxSpareThreads 64
ThreadsPerChild 16
MaxRequestWorkers 64
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
DocumentRoot ${folder}/files
TypesConfig /dev/null
AddType text/plain .txt
AddType text/html .html
AddOutputFilterByType DEFLATE text/plain text/html
RedirectMatch 301 ^/gone$ http://elsewhere.test/
<Location /echo>
  SetHandler reflector
</Location>
`,
    },
  }))
}
