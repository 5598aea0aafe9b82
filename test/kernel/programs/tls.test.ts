/** TLS through two sidecars: passed as it is, and recorded by the name that the client asked for. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Place, runOk, SCRATCH_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { APP_UID, createSidecarPods, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = { openssl: 'openssl' }
const CLUSTER_IP = '10.96.0.60'
const PORT = 8443
const CLIENT = { uid: 1001, cwd: SCRATCH_INSIDE }

describeKernel(
  'TLS through two sidecars',
  () => {
    let pods: SidecarPods
    let client: Place
    let server: Place

    beforeAll(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      server = await pods.addPod('shop')
      const ports = [{ port: 443, targetPort: PORT }]
      const service = { space: 'dev', name: 'shop', clusterIp: CLUSTER_IP, ports, pod: server }
      await Promise.all([pods.publish([service]), startServer(server)])
    })

    afterAll(() => pods?.close())

    test.each([
      ['with a server name', '-tls1_3 -servername shop.example.test', 'shop.example.test'],
      ['of version 1.2', '-tls1_2 -servername old.example.test', 'old.example.test'],
      ['without a server name', '-noservername', null],
    ])('a connection %s is the server’s own, and recorded', async (_what, flags, sni) => {
      const fingerprint = 'openssl x509 -noout -fingerprint -sha256'
      // The server says each line backwards; the certificate is printed before.
      const answered = 'until grep -qsx murder said; do sleep 0.05; done'
      const script = `rm -f said
        (echo redrum; timeout 20 sh -c '${answered}') | openssl s_client ${flags} -connect ${CLUSTER_IP}:443 > said 2> /dev/null || true
        ${fingerprint} < said
        grep -x murder said`
      const said = await runOk(client, ['sh', '-ec', script], CLIENT)
      const own = await runOk(server, ['sh', '-ec', `${fingerprint} < tls.crt`], asServer)
      expect(said).toBe(`${own}murder\n`)
      for (const direction of ['outbound', 'inbound']) {
        const record = await pods.recordWhere(
          `${sni}, ${direction}`,
          (each) => each.direction === direction && each.sni === sni,
        )
        expect(record).toMatchObject({ protocol: 'tls', service: 'shop', status: null })
        expect(record.requestBytes).toBeGreaterThan(200)
        expect(record.responseBytes).toBeGreaterThan(500)
      }
    })
  },
  PROGRAMS,
)

const asServer = { uid: APP_UID, cwd: SCRATCH_INSIDE }

async function startServer(place: Place): Promise<void> {
  const request = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
    -subj /CN=shop.example.test -keyout tls.key -out tls.crt`
  await runOk(place, ['sh', '-ec', request], asServer)
  const argv = [
    'openssl',
    's_server',
    '-accept',
    `${PORT}`,
    '-cert',
    'tls.crt',
    '-key',
    'tls.key',
    '-rev',
  ]
  const server = spawnIn(place, argv, asServer)
  await waitForPort(place, PORT, { server })
}
