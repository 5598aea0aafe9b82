/** The log: one JSON line a fact, and no secret in it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { createLog } from '../../core/control-log.ts'
import { createPodLog } from '../../core/pod-log.ts'

function sink() {
  const lines: string[] = []
  return { lines, write: (line: string) => lines.push(line) }
}

describe.each([
  ['of the control plane', createLog],
  ['of a pod', createPodLog],
])('the log %s', (_, create) => {
  test('a line has time, level, program, fields and message', () => {
    const out = sink()
    create('proxy', 'info', out).info({ port: 15001 }, 'listening')
    const record = JSON.parse(out.lines[0] ?? '')
    expect(record).toMatchObject({ level: 'info', program: 'proxy', port: 15001, msg: 'listening' })
    expect(Date.parse(record.time)).toBeGreaterThan(0)
  })

  test('lines below the level are not written', () => {
    const out = sink()
    const log = create('proxy', 'warn', out)
    log.info('quiet')
    log.warn('heard')
    expect(out.lines).toHaveLength(1)
  })

  test.each(['authorization', 'cookie', 'set-cookie', 'token', 'password'])(
    'the field %s is blanked at the top, one level deep and in a child log',
    (field) => {
      const out = sink()
      const log = create('proxy', 'info', out)
      log.info({ [field]: 'hunter2' }, 'top')
      log.info({ headers: { [field]: 'hunter2' } }, 'deep')
      log.child({ request: { [field]: 'hunter2' } }).info('child')
      expect(out.lines).toHaveLength(3)
      for (const line of out.lines) {
        expect(line).not.toContain('hunter2')
        expect(line).toContain('[redacted]')
      }
    },
  )

  test('an error is told with its type, text, code, stack and causes', () => {
    const out = sink()
    const cause = Object.assign(new TypeError('inner'), { code: 'EINNER' })
    create('proxy', 'info', out).error({ err: new Error('outer', { cause }) }, 'failed')
    const { err, msg } = JSON.parse(out.lines[0] ?? '')
    expect(msg).toBe('failed')
    expect(err).toMatchObject({ type: 'Error', message: 'outer' })
    expect(err.stack).toContain('log.test.ts')
    expect(err.cause).toMatchObject({ type: 'TypeError', message: 'inner', code: 'EINNER' })
  })

  test('what cannot be written as JSON costs its fields, not the line and not the program', () => {
    const out = sink()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const log = create('proxy', 'info', out)
    log.info({ cycle }, 'round')
    log.info({ big: 1n }, 'big')
    const records = out.lines.map((line) => JSON.parse(line))
    expect(records).toMatchObject([{ msg: 'round' }, { msg: 'big' }])
  })

  test('the record that was logged is not changed by the redaction', () => {
    const headers = { cookie: 'hunter2', host: 'a' }
    create('proxy', 'info', sink()).info({ headers }, 'asked')
    expect(headers.cookie).toBe('hunter2')
  })
})

describe('a pod’s log on standard output', () => {
  const LOG = join(import.meta.dirname, '../../core/pod-log.ts')
  const program = (body: string) =>
    `import { createPodLog } from ${JSON.stringify(LOG)}
     const log = createPodLog('p', 'info'); ${body}`
  const start = (body: string) =>
    spawn(process.execPath, ['--input-type=module', '-e', program(body)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  test('the last line before the end is not lost, however much there is', async () => {
    const body = `for (let i = 0; i < 2000; i++) log.info({ i, fill: 'x'.repeat(200) }, 'line'); process.exit(7)`
    const child = start(body)
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (data) => {
      text += data
    })
    const [code] = await once(child, 'close')
    const lines = text.trimEnd().split('\n')
    expect(code).toBe(7)
    expect(lines).toHaveLength(2000)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ i: 1999, msg: 'line' })
  })

  test('a reader that has gone away does not end the program', async () => {
    const child = start(`setTimeout(() => { log.info('unheard'); process.exit(7) }, 300)`)
    child.stdout.destroy()
    expect(await once(child, 'close')).toEqual([7, null])
  })
})
