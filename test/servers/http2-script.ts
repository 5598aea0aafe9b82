/** Random scripts of an HTTP/2 client: what it asks on its streams, and how their frames take turns. */
import fc from 'fast-check'
import { ERROR_CODE } from '../../proxy/http2/frame.ts'
import type { Pair } from '../proxy/http2/raw-client.ts'

/** A DATA frame: the content, and padding bytes behind it; -1 for none, not even of length 0. */
export interface Data {
  content: string
  padding: number
}

export interface StreamScript {
  head: Pair[]
  data: Data[]
  trailers: Pair[] | null
  /**
   * RST_STREAM with this code: behind the body, which then has no end, or once the answer has filled the window,
   * which then does not grow.
   */
  reset: { code: number; when: 'sending' | 'stalled' } | null
}

export interface Http2Script {
  /** SETTINGS_INITIAL_WINDOW_SIZE of the client, bytes. */
  window: number
  /** By how much a window grows that is used up, in turns. */
  grants: number[]
  streams: StreamScript[]
  /** Which of the streams that have something left sends its next frame, in turns. */
  turns: number[]
}

export interface Http2Menu {
  paths: readonly string[]
  methods: readonly string[]
  /** Paths that are answered as soon as the head is there; what happens to a body is a race. */
  early: readonly string[]
  /** Leads to an answer of 4 MB; null for none. */
  huge: string | null
  /** False for a server that refuses requests with trailers. */
  trailers: boolean
  /** False for a server that stumbles over padding: haproxy 2.6 closes, or waits for ever. */
  padding: boolean
  /** False for a server that answers without having seen the end of a body: a reset may come too late to be one. */
  waitsForEnd: boolean
  /** False for a server that ends the connection if a head is longer than a frame, as haproxy does. */
  longHeads: boolean
  /**
   * Fields that must not be there twice in a long head: nginx 1.22 refuses the stream with 400, and then the
   * whole connection if a long field comes behind the second one.
   */
  once: readonly string[]
  /** Least window of the client: Apache 2.4 sometimes forgets a head whose body has none, and waits for ever. */
  leastWindow: number
}

const one = <T>(...values: T[]) => fc.constantFrom(...values)

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/)
const ascii = fc.stringMatching(/^[!-~]([ !-~]{0,12}[!-~])?$/)
const text = fc.stringMatching(/^[!-~\x80-\xff]([ \t!-~\x80-\xff]{0,12}[!-~\x80-\xff])?$/)

const knownField: fc.Arbitrary<Pair> = one<Pair>(
  ['accept-encoding', 'gzip'],
  ['accept-encoding', 'identity'],
  ['range', 'bytes=3-7'],
  ['range', 'bytes=999999999-'],
  ['if-modified-since', 'Fri, 01 Jan 2038 00:00:00 GMT'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['accept', '*/*'],
  ['user-agent', ''],
  ['te', 'trailers'],
  // What a sidecar itself reads and writes.
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['traceparent', 'no such thing'],
  ['azds-route-as', 'nowhere'],
  ['baggage', 'azds-route-as=x'],
)

const freeField = fc
  .tuple(name, fc.oneof(text, fc.constant('')))
  .map(([rest, value]): Pair => [`x-${rest}`, value])
/** Some of these are more than one frame. */
const longField = fc.nat(1_200).map((count): Pair => ['x-long', 'long '.repeat(count).trim()])

function fieldsOf({ longHeads }: Http2Menu): fc.Arbitrary<Pair[]> {
  const field = fc.oneof(
    { weight: 3, arbitrary: freeField },
    { weight: 2, arbitrary: knownField },
    { weight: 1, arbitrary: longHeads ? longField : freeField },
  )
  return fc.array(field, { maxLength: 6 })
}

const content = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.nat(3_000).map((size) => Buffer.alloc(size, 'body of some size ')) },
  { weight: 1, arbitrary: fc.nat(16_000).map((size) => Buffer.alloc(size, 'nearly a frame ')) },
)
function framesOf({ padding }: Http2Menu): fc.Arbitrary<Data[]> {
  const frame = fc.record({
    content: content.map((bytes) => bytes.toString('latin1')),
    padding: padding ? one(-1, -1, 0, 7, 255) : fc.constant(-1),
  })
  return fc.array(frame, { maxLength: 8 })
}

/** Fields that can lead to another answer than the whole, which may be over before it is given up. */
const SHORTENING = /^(range|if-modified-since|x-long)$/

function streamOf(menu: Http2Menu): fc.Arbitrary<StreamScript> {
  return fc
    .record({
      method: fc.constantFrom(...menu.methods),
      path: fc.constantFrom(...menu.paths),
      query: one('', '', '?a=b&c=%20', '?x=/../y'),
      fields: fieldsOf(menu),
      more: fieldsOf(menu),
      says: fc.boolean(),
      data: fc.oneof(fc.constant<Data[]>([]), framesOf(menu)),
      trailers: fc.oneof(
        fc.constant(null),
        fc.constant(null),
        fc.array(
          fc.tuple(name, ascii).map(([rest, text]): Pair => [`x-${rest}`, text]),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
      ),
      end: fc.nat(9),
      code: one(ERROR_CODE.cancel, ERROR_CODE.internalError, ERROR_CODE.noError),
    })
    .map((drawn) => {
      const isStopped = drawn.end === 0 && menu.huge !== null
      const isTakenBack = drawn.end === 1 && menu.waitsForEnd
      const path = isStopped ? (menu.huge as string) : drawn.path
      const bodiless = menu.early.includes(path) || isStopped
      const method = isStopped ? 'GET' : isTakenBack ? 'POST' : drawn.method
      const data: Data[] = bodiless || method === 'HEAD' ? [] : drawn.data
      const trailers = bodiless || !menu.trailers || data.length === 0 ? null : drawn.trailers
      const length = data.reduce((sum, frame) => sum + frame.content.length, 0)
      const said: Pair[] = drawn.says && data.length > 0 ? [['content-length', `${length}`]] : []
      const fields = [...drawn.fields, ...(isTakenBack ? [] : said), ...drawn.more]
      const head: Pair[] = [
        [':method', method],
        [':scheme', 'http'],
        [':authority', 'web.test'],
        [':path', `${path}${drawn.query}`],
        ...withoutRepeated(fields, menu.once),
      ]
      const reset = isStopped ? 'stalled' : isTakenBack && !bodiless ? 'sending' : null
      return {
        head: reset === null ? head : head.filter(([field]) => !SHORTENING.test(field)),
        data,
        trailers: reset === null ? trailers : null,
        reset: reset && { code: drawn.code, when: reset },
      }
    })
}

/** The fields, in a head with a long one without the second and later ones of these names. */
function withoutRepeated(fields: readonly Pair[], names: readonly string[]): readonly Pair[] {
  if (!fields.some(([field]) => field === 'x-long')) return fields
  const isFirst = (field: string, at: number) => fields.findIndex(([name]) => name === field) === at
  return fields.filter(([field], at) => !names.includes(field) || isFirst(field, at))
}

/** Scripts for a server of which the menu says what it understands. */
export function http2ScriptsFor(menu: Http2Menu): fc.Arbitrary<Http2Script> {
  return fc.record({
    window: one(0, 1, 100, 5_000, 65_535, 300_000).map((window) =>
      Math.max(window, menu.leastWindow),
    ),
    grants: fc
      .array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 3 })
      .map((small) => [...small, 60_000]),
    streams: fc.array(streamOf(menu), { minLength: 1, maxLength: 8 }),
    turns: fc.array(fc.nat(7), { minLength: 1, maxLength: 12 }),
  })
}
