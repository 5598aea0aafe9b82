/** Configuration: typed values, defaults, and every mistake at once. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  integer,
  list,
  logLevel,
  oneOf,
  optionalText,
  optionalUrl,
  port,
  readConfig,
  text,
  url,
} from '../../core/config.ts'

const settings = {
  listen: port({ env: 'LISTEN', doc: 'Port to listen on.', default: '8080' }),
  mode: oneOf({ env: 'MODE', doc: 'What to be.' }, ['sidecar', 'gateway']),
  controller: url({ env: 'CONTROLLER', doc: 'Where the controller is.' }),
  key: text({ env: 'KEY', doc: 'The key.', default: 'none', secret: true }),
  note: optionalText({ env: 'NOTE', doc: 'A note.' }),
  level: logLevel({ env: 'LEVEL', doc: 'Log level.', default: 'info' }),
}

test('values are read with their types and defaults fill the rest', () => {
  const result = readConfig(settings, { MODE: 'gateway', CONTROLLER: 'http://c.azds//' })
  expect(result).toEqual({
    ok: true,
    config: {
      listen: 8080,
      mode: 'gateway',
      controller: 'http://c.azds',
      key: 'none',
      note: null,
      level: 'info',
    },
  })
})

test('all mistakes are reported together, each with name, value and what was expected', () => {
  const result = readConfig(settings, { LISTEN: '70000', MODE: 'both', LEVEL: 'loud' })
  expect(result).toEqual({
    ok: false,
    mistakes: [
      'LISTEN="70000": expected a whole number from 0 to 65535',
      'MODE="both": expected one of sidecar, gateway',
      'CONTROLLER is not set: expected an http:// or https:// URL (Where the controller is.)',
      'LEVEL="loud": expected one of trace, debug, info, warn, error, fatal',
    ],
  })
})

test('an empty variable counts as unset', () => {
  const result = readConfig({ listen: settings.listen }, { LISTEN: '' })
  expect(result).toEqual({ ok: true, config: { listen: 8080 } })
})

test.each([
  ['a plain value', integer({ env: 'PIN', doc: 'A pin.', secret: true }, 0, 9), 'hunter2'],
  [
    'an item of a list',
    list({ env: 'PIN', doc: 'Pins.', secret: true }, 'pins', (item) =>
      item === 'good' ? { ok: true, value: item } : { ok: false, expected: 'a pin' },
    ),
    'good,hunter2',
  ],
])('a secret is never printed: %s', (_, setting, value) => {
  const result = readConfig({ pin: setting }, { PIN: value })
  expect(result.ok).toBe(false)
  expect(JSON.stringify(result)).toContain('PIN')
  expect(JSON.stringify(result)).not.toContain('hunter2')
})

test('an optional URL is null when unset, and checked when set', () => {
  const controller = optionalUrl({ env: 'C', doc: 'Where.' })
  expect(readConfig({ controller }, {})).toEqual({ ok: true, config: { controller: null } })
  expect(readConfig({ controller }, { C: 'https://c/' })).toEqual({
    ok: true,
    config: { controller: 'https://c' },
  })
  expect(readConfig({ controller }, { C: 'c' }).ok).toBe(false)
})

test('a list drops blanks round its items and names the item that is wrong', () => {
  const ports = list({ env: 'PORTS', doc: 'Ports.' }, 'comma-separated ports', (item) =>
    /^\d+$/.test(item)
      ? { ok: true, value: Number(item) }
      : { ok: false as const, expected: 'a port' },
  )
  expect(readConfig({ ports }, { PORTS: ' 1, 2,,3 ' })).toEqual({
    ok: true,
    config: { ports: [1, 2, 3] },
  })
  expect(readConfig({ ports }, { PORTS: '1,x' })).toEqual({
    ok: false,
    mistakes: ['PORTS="1,x": expected comma-separated ports; "x" is not a port'],
  })
})

test.each(['-1', '1.5', '1e3', '0x10', ' 1', '1 ', '', '99999999999999999999', '١'])(
  'an integer refuses %j',
  (value) => {
    expect(integer({ env: 'N', doc: 'N.' }, 0, 1e15).parse(value).ok).toBe(false)
  },
)

test.each(['ftp://x', 'x', '//x', 'http://', 'file:///etc/passwd'])(
  'a URL setting refuses %j',
  (value) => {
    expect(url({ env: 'U', doc: 'U.' }).parse(value).ok).toBe(false)
  },
)

test('an integer takes exactly the numbers of its range', () => {
  const setting = integer({ env: 'N', doc: 'N.' }, 10, 1000)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2000 }), (n) => {
      expect(setting.parse(String(n)).ok).toBe(n >= 10 && n <= 1000)
    }),
  )
})
