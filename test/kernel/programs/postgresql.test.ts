/** PostgreSQL through two sidecars: TLS that starts in the middle of its own protocol. */
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Place, run, runOk, SCRATCH_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { createSidecarPods, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = {
  pg_createcluster: 'postgresql',
  psql: 'postgresql-client',
  openssl: 'openssl',
}
const CLUSTER_IP = '10.96.0.30'
const PORT = 5432
const CLIENT = { uid: 1001, cwd: SCRATCH_INSIDE, timeoutMs: 60_000 }
const COPIED_BYTES = 20 * 1024 * 1024

describeKernel(
  'PostgreSQL through two sidecars',
  () => {
    let pods: SidecarPods
    let client: Place
    let server: Place

    beforeAll(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      server = await pods.addPod('postgresql')
      const ports = [{ port: PORT, targetPort: PORT }]
      const service = { space: 'dev', name: 'db', clusterIp: CLUSTER_IP, ports, pod: server }
      await Promise.all([pods.publish([service]), startPostgresql(server)])
    }, 60_000)

    afterAll(() => pods?.close())

    const psql = (sslmode: string) =>
      `psql -X -A -t -v ON_ERROR_STOP=1 'host=${CLUSTER_IP} user=app password=secret dbname=postgres sslmode=${sslmode}'`
    const shell = (script: string) => runOk(client, ['sh', '-ec', script], CLIENT)

    test('a client that requires TLS gets TLS, from the server itself', async () => {
      const said = await shell(
        `${psql('require')} -c "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()" -c 'SELECT version()'`,
      )
      expect(said).toMatch(/^t\|TLSv1\.3\nPostgreSQL \d+/)
    })

    test('the certificate that the client sees is the server’s', async () => {
      const fingerprint = 'openssl x509 -noout -fingerprint -sha256'
      const seen = await shell(
        `openssl s_client -starttls postgres -connect ${CLUSTER_IP}:${PORT} </dev/null 2>/dev/null | ${fingerprint}`,
      )
      const own = await runOk(server, ['sh', '-c', `${fingerprint} < ${SCRATCH_INSIDE}/tls.crt`])
      expect(seen).toBe(own)
    })

    test('without TLS the server refuses, and its reason arrives', async () => {
      const { code, stderr } = await run(
        client,
        ['sh', '-c', `${psql('disable')} -c 'SELECT 1'`],
        CLIENT,
      )
      expect(code).toBe(2)
      expect(stderr).toContain('no pg_hba.conf entry')
    })

    test('20 MB go in by COPY and come out as they were', async () => {
      const [sent, back] = (
        await shell(`
          head -c ${COPIED_BYTES / 2} /dev/urandom | od -An -v -tx1 -w64 | tr -d ' ' > rows
          sha256sum < rows
          ${psql('require')} -q -c 'CREATE TABLE rows (line text)' -c '\\copy rows FROM rows' >&2
          ${psql('require')} -c '\\copy rows TO STDOUT' | sha256sum`)
      ).split('\n')
      expect(back).toBe(sent)
      for (const direction of ['outbound', 'inbound']) {
        const [up, down] = await Promise.all([
          pods.recordWhere(
            `the rows' way there, ${direction}`,
            (record) => record.direction === direction && record.requestBytes > COPIED_BYTES,
          ),
          pods.recordWhere(
            `the rows' way back, ${direction}`,
            (record) => record.direction === direction && record.responseBytes > COPIED_BYTES,
          ),
        ])
        for (const { protocol, service, error, sni } of [up, down]) {
          // SSLRequest comes before the ClientHello, so that this is no TLS connection to a proxy.
          expect({ protocol, service, sni }).toEqual({ protocol: 'tcp', service: 'db', sni: null })
          // psql closes its socket without waiting for the server's TLS to say goodbye. Where that comes apart from
          // the server's FIN, the client's kernel answers it with RST.
          expect(error).toEqual(error && { code: 'client-closed', message: expect.any(String) })
        }
      }
    }, 60_000)
  },
  PROGRAMS,
)

async function startPostgresql(place: Place): Promise<void> {
  // initdb wants a user that has a name.
  const uid = Number(await runOk(place, ['id', '-u', 'postgres']))
  const asServer = { uid, cwd: SCRATCH_INSIDE, timeoutMs: 60_000 }
  const folder = newestVersion()
  await runOk(
    place,
    [
      'sh',
      '-ec',
      `umask 077
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
        -subj /CN=db.example.test -keyout tls.key -out tls.crt
      echo secret > password
      ${folder}/initdb -D data -U app --pwfile=password -A scram-sha-256 --no-sync --locale=C -E UTF8
      echo 'hostssl all all 0.0.0.0/0 scram-sha-256' >> data/pg_hba.conf`,
    ],
    asServer,
  )
  const settings = {
    listen_addresses: '0.0.0.0',
    unix_socket_directories: SCRATCH_INSIDE,
    ssl: 'on',
    ssl_cert_file: `${SCRATCH_INSIDE}/tls.crt`,
    ssl_key_file: `${SCRATCH_INSIDE}/tls.key`,
    fsync: 'off',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawnIn(place, [`${folder}/postgres`, '-D', 'data', ...options], asServer)
  await waitForPort(place, PORT, { server, timeoutMs: 30_000 })
}

/** Debian keeps the server's programs in a folder for each version, off PATH. */
function newestVersion(): string {
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
  return `/usr/lib/postgresql/${versions[0]}/bin`
}
