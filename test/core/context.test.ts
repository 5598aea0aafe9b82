/** The context of a request: six sources in their order. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  CONTEXT_SOURCES,
  type ContextInput,
  contextOf,
  isSpaceName,
  parseGatewayHost,
  parsePreviewHost,
} from '../../core/context.ts'

const nothing: ContextInput = {
  routeAs: null,
  baggage: null,
  cookie: null,
  host: null,
  traceSpace: null,
  originSpace: null,
}

const full: ContextInput = {
  routeAs: 'header-space',
  baggage: 'x=1, azds-route-as=baggage-space;p=1',
  cookie: 'sid=1; azds-route-as=cookie-space',
  host: 'host-space.s.dev.web.example.test:8080',
  traceSpace: 'trace-space',
  originSpace: 'origin-space',
}

const keyOf = {
  header: 'routeAs',
  baggage: 'baggage',
  cookie: 'cookie',
  host: 'host',
  trace: 'traceSpace',
  origin: 'originSpace',
} as const

test('no source at all gives no context', () => {
  expect(contextOf(nothing)).toEqual({ space: null, source: 'none' })
})

test.each(CONTEXT_SOURCES)('%s alone gives the context', (source) => {
  const input = { ...nothing, [keyOf[source]]: full[keyOf[source]] }
  expect(contextOf(input)).toEqual({ space: `${source}-space`, source })
})

test.each(CONTEXT_SOURCES)('%s wins over all that come after it', (source) => {
  const input = { ...full }
  for (const earlier of CONTEXT_SOURCES.slice(0, CONTEXT_SOURCES.indexOf(source))) {
    input[keyOf[earlier]] = null
  }
  expect(contextOf(input)).toEqual({ space: `${source}-space`, source })
})

test.each(['', ' ', 'Alice', '-alice', 'alice-', 'a.b', 'a/b', 'a_b', 'ä', 'a'.repeat(64), 'a b'])(
  'the header value %j is no space name and counts as absent',
  (routeAs) => {
    expect(contextOf({ ...full, routeAs }).source).toBe('baggage')
  },
)

test('blanks round a name are dropped', () => {
  expect(contextOf({ ...nothing, routeAs: ' alice ' }).space).toBe('alice')
})

test('a baggage or cookie value that cannot be decoded counts as absent', () => {
  const input = { ...full, routeAs: null, baggage: 'azds-route-as=%zz', cookie: 'azds-route-as=%' }
  expect(contextOf(input).source).toBe('host')
})

test.each([
  ['alice.s.dev.web.example.test', { space: 'alice', root: 'dev', service: 'web' }],
  ['alice.s.dev.web.localhost:8000', { space: 'alice', root: 'dev', service: 'web' }],
  ['ALICE.S.Dev.Web.example.test', { space: 'alice', root: 'dev', service: 'web' }],
  ['alice.s.dev.web', { space: 'alice', root: 'dev', service: 'web' }],
  ['alice.x.dev.web.example.test', null],
  ['alice.s.dev', null],
  ['.s.dev.web.test', null],
  ['alice.s..web.test', null],
  ['a_b.s.dev.web.test', null],
  ['s.dev.web.test', null],
  ['[::1]:80', null],
  ['10.0.0.1', null],
  ['', null],
])('the preview host %j is read as %j', (host, expected) => {
  expect(parsePreviewHost(host)).toEqual(expected)
})

test.each([
  ['dev.web.localhost:8000', { space: null, root: 'dev', service: 'web' }],
  ['alice.s.dev.web.localhost', { space: 'alice', root: 'dev', service: 'web' }],
  ['localhost', null],
  ['a_b.web.localhost', null],
])('the gateway reads %j as %j', (host, expected) => {
  expect(parseGatewayHost(host)).toEqual(expected)
})

test('whatever bytes come, the context is a space name or none', () => {
  const value = fc.option(fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(value, value, value, value, (routeAs, baggage, cookie, host) => {
      const { space, source } = contextOf({ ...nothing, routeAs, baggage, cookie, host })
      if (source === 'none') expect(space).toBeNull()
      else expect(isSpaceName(space ?? '')).toBe(true)
    }),
  )
})
