/** The log: one JSON line a fact, and no secret in it. */
import { expect, test } from '@jest/globals'
import { createLog } from '../../core/log.ts'

function sink() {
  const lines: string[] = []
  return { lines, write: (line: string) => lines.push(line) }
}

test('a line has time, level, program, fields and message', () => {
  const out = sink()
  createLog('proxy', 'info', out).info({ port: 15001 }, 'listening')
  const record = JSON.parse(out.lines[0] ?? '')
  expect(record).toMatchObject({ level: 'info', program: 'proxy', port: 15001, msg: 'listening' })
  expect(Date.parse(record.time)).toBeGreaterThan(0)
})

test('lines below the level are not written', () => {
  const out = sink()
  const log = createLog('proxy', 'warn', out)
  log.info('quiet')
  log.warn('heard')
  expect(out.lines).toHaveLength(1)
})

test.each(['authorization', 'cookie', 'set-cookie', 'token', 'password'])(
  'the field %s is blanked at the top, one level deep and in a child log',
  (field) => {
    const out = sink()
    const log = createLog('proxy', 'info', out)
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
