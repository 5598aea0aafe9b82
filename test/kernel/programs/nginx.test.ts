/**
 * curl and nginx through two sidecars. What a client sees must be what it would have seen without
 * them, and what the server sees must differ by the headers that sidecars write, and no other.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  NODE_INSIDE,
  type Place,
  REPO_INSIDE,
  run,
  runOk,
  SCRATCH_INSIDE,
  spawnIn,
  waitForPort,
} from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import type { Echo } from './head-echo-server.ts'
import { APP_UID, createSidecarPods, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = { nginx: 'nginx-light', curl: 'curl' }
const CLUSTER_IP = '10.96.0.40'
/** Of nginx: HTTP/1, and HTTP/2 without TLS. */
const HTTP = 8080
const H2C = 8082
/** The app that nginx is in front of. */
const ECHO = 8081
/** A port of the Service at which nothing listens. */
const NOBODY = 8099
const UPLOAD_BYTES = 10 * 1024 * 1024
/** Of an answer, what is compared as text. */
const SHOWN_BYTES = 2_000

const NGINX_CONF = `
worker_processes 1;
daemon off;
pid nginx.pid;
events {}
http {
  access_log access.log;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_max_body_size 100m;
  types { text/plain txt; }
  gzip on;
  gzip_types text/plain;
  server {
    listen ${HTTP};
    listen ${H2C} http2;
    root files;
    location /upload/ { dav_methods PUT; create_full_put_path on; }
    location /echo { proxy_pass http://127.0.0.1:${ECHO}; proxy_http_version 1.1; proxy_set_header Host $host; }
  }
}`

/** Command lines of curl; `URL` stands for nginx, however it is reached. Gzip makes nginx answer in chunks. */
const REQUESTS: [what: string, curl: string][] = [
  ['a GET', 'URL/hello.txt'],
  ['four GETs on one connection', 'URL/hello.txt URL/big.txt URL/hello.txt URL/none'],
  ['a HEAD', '-I URL/big.txt'],
  ['a 404', 'URL/none'],
  ['a redirect', 'URL/upload'],
  ['a method that is refused', '-X POST -d x=1 URL/hello.txt'],
  ['a method of somebody’s own', '-X BREW URL/hello.txt'],
  ['a range', '-r 1000-1999 URL/big.txt'],
  ['a condition', "-H 'If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT' URL/hello.txt"],
  ['gzip in chunks, left as it is', "-H 'Accept-Encoding: gzip' URL/big.txt"],
  ['gzip in chunks, unpacked by curl', '--compressed URL/big.txt'],
  ['HTTP/1.0', '--http1.0 URL/hello.txt'],
  ['HTTP/1.0 with keep-alive', "--http1.0 -H 'Connection: keep-alive' URL/hello.txt URL/hello.txt"],
  ['a client that closes', "-H 'Connection: close' URL/hello.txt"],
  ['a PUT of 10 MB', '-T upload URL/upload/TAG'],
  ['a PUT of 10 MB after 100 Continue', "-H 'Expect: 100-continue' -T upload URL/upload/TAG"],
  ['a PUT in chunks', "-H 'Transfer-Encoding: chunked' -T upload URL/upload/TAG"],
]

describeKernel(
  'curl to nginx through two sidecars',
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
      server = await pods.addPod('web', { env })
      const ports = [HTTP, H2C, ECHO, NOBODY].map((port) => ({ port, targetPort: port }))
      const service = { space: 'dev', name: 'web', clusterIp: CLUSTER_IP, ports, pod: server }
      await Promise.all([pods.publish([service]), startServers(server)])
      await runOk(client, ['sh', '-ec', `head -c ${UPLOAD_BYTES} /dev/urandom > upload`], asClient)
      await runOk(plain, ['sh', '-ec', `head -c ${UPLOAD_BYTES} /dev/zero > upload`], asClient)
    }, 30_000)

    afterAll(() => pods?.close())

    const ways = (): Way[] => [
      { from: plain, to: server.ipv4, tag: 'direct' },
      { from: client, to: CLUSTER_IP, tag: 'through' },
    ]
    /** What curl got, in a form in which two runs can be compared. */
    const curl = async (way: Way, args: string) => {
      const filled = args
        .replaceAll('URL', 'http://web.example.test:8080')
        .replaceAll('TAG', `${way.tag}.bin`)
      const report =
        "-w '%{stderr}%{http_code} %{http_version} %{num_connects} connects, %{size_upload} up\\n'"
      const to = `--connect-to ::${way.to}:`
      // With -I curl prints the head, and the date in it is of the second in which nginx answered.
      const undated = "sed '/^Date: /d'"
      // The beginning is there for whoever reads how two answers differ; the rest is compared by its sum.
      const script = `curl -sS ${to} -D heads ${report} ${filled} 2> report | ${undated} > body || true
        cat heads report; head -c ${SHOWN_BYTES} body | cat -v; sha256sum < body`
      const said = await runOk(way.from, ['sh', '-ec', script], asClient)
      return said.replace(/^Date: .*$/gm, 'Date').replaceAll(way.tag, 'TAG')
    }

    test.each(REQUESTS)('%s is answered as it would be without sidecars', async (_what, args) => {
      const [direct, through] = ways()
      const expected = await curl(direct as Way, args)
      expect(expected).toMatch(/^HTTP\/1\.1 \d{3} /)
      expect(await curl(through as Way, args)).toBe(expected)
    })

    test.each([
      ['with its length', ''],
      ['in chunks', "-H 'Transfer-Encoding: chunked'"],
      ['after 100 Continue', "-H 'Expect: 100-continue'"],
    ])('10 MB sent %s are stored as they were', async (what, flags) => {
      const file = `${what.replaceAll(' ', '-')}.bin`
      const url = `http://${CLUSTER_IP}:${HTTP}/upload/${file}`
      const sent = await runOk(
        client,
        ['sh', '-ec', `curl -sS -v ${flags} -T upload ${url} 2> report; sha256sum < upload`],
        asClient,
      )
      const stored = await runOk(server, ['sha256sum', `files/upload/${file}`], asRoot)
      expect(stored.slice(0, 64)).toBe(sent.slice(0, 64))
      if (what.includes('100')) {
        expect(await runOk(client, ['cat', 'report'], asClient)).toContain('HTTP/1.1 100 Continue')
      }
      for (const direction of ['outbound', 'inbound']) {
        const path = `/upload/${file}`
        const record = await recordOf({ path, direction })
        expect(record).toMatchObject({ method: 'PUT', status: 201, error: null, service: 'web' })
        expect(record.requestBytes).toBeGreaterThan(UPLOAD_BYTES)
      }
    })

    test('a POST of 2 KiB reaches the app with its headers as they were, and two more', async () => {
      const odd = [
        'X-oDd-CASE:  spaced ',
        'x-twice: 1',
        'X-Twice: 2',
        'Cookie: a=b; c=d',
        'X-Empty;',
      ]
      const flags = odd.map((header) => `-H '${header}'`).join(' ')
      const post = async ({ from, to }: Way): Promise<Echo> => {
        const url = `http://web.example.test:${ECHO}/echo?tag=post`
        const script = `head -c 2048 /dev/zero | curl -sS --connect-to ::${to}: ${flags} --data-binary @- '${url}'`
        return JSON.parse(await runOk(from, ['sh', '-ec', script], asClient))
      }
      const [direct, through] = await Promise.all(ways().map(post))
      const ours = ['traceparent', 'azds-hop']
      const added = through?.headers.filter(([name]) => ours.includes(name))
      expect(added?.map(([name]) => name).sort()).toEqual(ours.toSorted())
      const rest = through?.headers.filter(([name]) => !ours.includes(name))
      expect({ ...through, headers: rest }).toEqual(direct)
      expect(direct).toMatchObject({ bodyBytes: 2048, requestLine: 'POST /echo?tag=post HTTP/1.1' })
    })

    test('both sides record an exchange as two hops of one trace', async () => {
      const url = `http://${CLUSTER_IP}:${HTTP}/hello.txt?seen=1`
      expect(await runOk(client, ['curl', '-sS', url], asClient)).toBe('hello\n')
      const [out, incoming] = await Promise.all(
        ['outbound', 'inbound'].map((direction) =>
          recordOf({ path: '/hello.txt?seen=1', direction }),
        ),
      )
      const exchange = { protocol: 'http/1.1', method: 'GET', status: 200, service: 'web', hop: 1 }
      expect(out).toMatchObject({ ...exchange, pod: 'client', parentSpanId: null })
      expect(out?.route).toMatchObject({ reason: 'no-context', target: `${CLUSTER_IP}:${HTTP}` })
      expect(incoming).toMatchObject({
        ...exchange,
        pod: 'web',
        traceId: out?.traceId,
        parentSpanId: out?.spanId,
        route: { reason: 'delivered', target: `${server.ipv4}:${HTTP}` },
        responseBytes: out?.responseBytes,
      })
    })

    test('HTTP/2 with prior knowledge passes as it is', async () => {
      const url = `http://${CLUSTER_IP}:${H2C}/big.txt`
      const script = `curl -sS --http2-prior-knowledge -w '%{stderr}%{http_version}' ${url} 2> version | sha256sum
        cat version`
      const said = await runOk(client, ['sh', '-ec', script], asClient)
      const own = await runOk(server, ['sh', '-ec', 'sha256sum < files/big.txt'], asClient)
      expect(said).toBe(`${own}2`)
      for (const direction of ['outbound', 'inbound']) {
        const record = await pods.recordWhere(
          `HTTP/2, ${direction}`,
          (each) => each.direction === direction && each.protocol === 'h2',
        )
        const reason = direction === 'outbound' ? 'no-context' : 'delivered'
        expect(record).toMatchObject({ status: 200, error: null, route: { reason } })
      }
    })

    test('a port where nothing listens gives 502 and says why', async () => {
      const { stdout } = await run(
        client,
        ['curl', '-sS', '-D', '-', `http://${CLUSTER_IP}:${NOBODY}/x`],
        asClient,
      )
      expect(stdout).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\nazds-proxy-error: connect-refused\r\n/)
      const record = await recordOf({ path: '/x', direction: 'inbound' })
      expect(record).toMatchObject({ status: 502, error: { code: 'connect-refused' } })
      expect(await recordOf({ path: '/x', direction: 'outbound' })).toMatchObject({ status: 502 })
    })

    const recordOf = ({ path, direction }: { path: string; direction: string }) =>
      pods.recordWhere(
        `${path}, ${direction}`,
        (record) => record.path === path && record.direction === direction,
      )
  },
  PROGRAMS,
)

/** How a client reaches the server. */
interface Way {
  from: Place
  to: string
  tag: string
}

const asRoot = { cwd: SCRATCH_INSIDE }
const asClient = { uid: 1001, cwd: SCRATCH_INSIDE }

async function startServers(place: Place): Promise<void> {
  const asServer = { uid: APP_UID, cwd: SCRATCH_INSIDE }
  await runOk(place, ['tee', 'nginx.conf'], { ...asServer, input: NGINX_CONF })
  const files = `mkdir -p files/upload
    echo hello > files/hello.txt
    seq 200000 > files/big.txt
    touch -d '2026-01-01 00:00Z' files/*`
  await runOk(place, ['sh', '-ec', files], asServer)
  const nginx = spawnIn(
    place,
    ['nginx', '-p', SCRATCH_INSIDE, '-c', 'nginx.conf', '-e', 'stderr'],
    asServer,
  )
  const program = `${REPO_INSIDE}/test/kernel/programs/head-echo-server.ts`
  const echo = spawnIn(place, [NODE_INSIDE, program, 'web', `${ECHO}`], asServer)
  await waitForPort(place, HTTP, { server: nginx })
  await waitForPort(place, ECHO, { server: echo })
}
