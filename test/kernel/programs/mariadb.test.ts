/** MariaDB through two sidecars: a server that speaks first. */
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  NODE_INSIDE,
  type Place,
  REPO_INSIDE,
  runOk,
  SCRATCH_INSIDE,
  spawnIn,
  waitForPort,
} from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { APP_UID, createSidecarPods, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = {
  mariadbd: 'mariadb-server',
  'mariadb-install-db': 'mariadb-server',
  mariadb: 'mariadb-client',
}
const CLUSTER_IP = '10.96.0.20'
const PORT = 3306
const CLIENT = { uid: 1001, cwd: SCRATCH_INSIDE, timeoutMs: 60_000 }
const BLOB_BYTES = 20 * 1024 * 1024

/** What the issue of the first version allows two sidecars to add before the server's first byte. */
const MOST_ADDED_MS = 5
const CONNECTS = 40
/** How long it may take until the machine has let one round of connects through undisturbed, ms. */
const CALM_MS = 60_000

const ACCOUNT = `CREATE USER app@'%' IDENTIFIED BY 'secret';
CREATE DATABASE shop;
GRANT ALL ON shop.* TO app@'%';
`

describeKernel(
  'MariaDB through two sidecars',
  () => {
    let pods: SidecarPods
    let client: Place
    /** Has no sidecar, and the server's sidecar lets it pass. */
    let plain: Place
    let server: Place

    beforeAll(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      plain = await pods.lab.addPod('plain')
      const env = { AZDS_SKIP_INBOUND_CIDRS: `${plain.ipv4}/32` }
      server = await pods.addPod('mariadb', { env })
      const ports = [{ port: PORT, targetPort: PORT }]
      const service = { space: 'dev', name: 'mariadb', clusterIp: CLUSTER_IP, ports, pod: server }
      await Promise.all([pods.publish([service]), startMariadb(server)])
    }, 60_000)

    afterAll(() => pods?.close())

    const login = `mariadb --no-defaults -h ${CLUSTER_IP} -u app -psecret --max-allowed-packet=64M -N shop`
    const shell = (script: string) => runOk(client, ['sh', '-ec', script], CLIENT)

    test('a client logs in with its password and selects', async () => {
      expect(await shell(`${login} -e 'SELECT 6 * 7, CURRENT_USER()'`)).toBe('42\tapp@%\n')
    })

    test('a blob of 20 MB comes back as it was', async () => {
      const [sent, stored, back] = (
        await shell(`
          head -c ${BLOB_BYTES} /dev/urandom > blob
          sha256sum < blob | cut -c -64
          ${login} -e 'CREATE TABLE blobs (data LONGBLOB) ENGINE=MyISAM'
          { printf "INSERT INTO blobs VALUES (x'"; od -An -v -tx1 blob | tr -d ' \\n'; echo "');"; } | ${login}
          ${login} -e 'SELECT SHA2(data, 256) FROM blobs'
          ${login} --raw -e 'SELECT data FROM blobs' | head -c ${BLOB_BYTES} | sha256sum | cut -c -64`)
      ).split('\n')
      expect(stored).toBe(sent)
      expect(back).toBe(sent)
      for (const direction of ['outbound', 'inbound']) {
        const [up, down] = await Promise.all([
          pods.recordWhere(
            `the blob's way there, ${direction}`,
            (record) => record.direction === direction && record.requestBytes > 2 * BLOB_BYTES,
          ),
          pods.recordWhere(
            `the blob's way back, ${direction}`,
            (record) => record.direction === direction && record.responseBytes > BLOB_BYTES,
          ),
        ])
        expect([up, down]).toMatchObject(
          [0, 1].map(() => ({ protocol: 'tcp', service: 'mariadb', error: null, sni: null })),
        )
      }
    }, 60_000)

    test(`two sidecars delay the server's greeting by less than ${MOST_ADDED_MS} ms`, async () => {
      const direct = startMeter(plain, server.ipv4)
      const through = startMeter(client, CLUSTER_IP)
      let best = Number.POSITIVE_INFINITY
      for (const end = Date.now() + CALM_MS; best >= MOST_ADDED_MS && Date.now() < end; ) {
        const times = { direct: [] as number[], through: [] as number[] }
        for (let count = 0; count < CONNECTS; count++) {
          times.direct.push(await direct())
          times.through.push(await through())
        }
        const [without, withBoth] = [quartile(times.direct), quartile(times.through)]
        best = Math.min(best, withBoth - without)
        console.info(
          `MariaDB's first byte, the faster quarter of ${CONNECTS} connects: direct ${without.toFixed(2)} ms, through two sidecars ${withBoth.toFixed(2)} ms (slowest ${Math.max(...times.through).toFixed(1)} ms), added ${(withBoth - without).toFixed(2)} ms`,
        )
      }
      expect(best).toBeLessThan(MOST_ADDED_MS)
    }, 120_000)
  },
  PROGRAMS,
)

async function startMariadb(place: Place): Promise<void> {
  const data = `${SCRATCH_INSIDE}/data`
  const asApp = { uid: APP_UID, cwd: SCRATCH_INSIDE, timeoutMs: 60_000 }
  const install = ['mariadb-install-db', '--no-defaults', `--datadir=${data}`, '--skip-test-db']
  await runOk(place, [...install, '--auth-root-authentication-method=normal'], asApp)
  const account = `${SCRATCH_INSIDE}/account.sql`
  await runOk(place, ['tee', account], { ...asApp, input: ACCOUNT })
  const options = [
    `--datadir=${data}`,
    `--init-file=${account}`,
    `--socket=${SCRATCH_INSIDE}/mariadb.sock`,
    `--port=${PORT}`,
    '--bind-address=0.0.0.0',
    '--skip-name-resolve',
    '--max-allowed-packet=64M',
    // A client that leaves after the greeting counts as a failed login, and 100 block its address.
    '--max-connect-errors=1000000',
    '--innodb-flush-log-at-trx-commit=0',
  ]
  const server = spawnIn(place, ['mariadbd', '--no-defaults', ...options], asApp)
  await waitForPort(place, PORT, { server, timeoutMs: 30_000 })
}

/** Starts a client; each call measures the time to the server's first byte, in milliseconds. */
function startMeter(place: Place, host: string): () => Promise<number> {
  const program = `${REPO_INSIDE}/test/kernel/programs/first-byte-client.ts`
  const { child, output } = spawnIn(place, [NODE_INSIDE, program], { uid: CLIENT.uid })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async () => {
    child.stdin.write(`${JSON.stringify({ host, port: PORT })}\n`)
    const line = await lines.next()
    if (line.done) throw new Error(`the client in ${place.name} has ended: ${output.stderr}`)
    return Number(line.value)
  }
}

/** The slowest of the faster quarter: the others wait for a processor where others use them, too. */
function quartile(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 4)] ?? Number.NaN
}
