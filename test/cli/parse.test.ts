/** Command lines: found by the table, with help for what is nearly right. */
import { expect, test } from '@jest/globals'
import { COMMANDS, GLOBAL_FLAGS } from '../../cli/commands.ts'
import { distance } from '../../cli/nearest.ts'
import { parseLine } from '../../cli/parse.ts'
import { azds } from './world-fixture.ts'

const parse = (line: string) => parseLine(line.split(' '), COMMANDS, GLOBAL_FLAGS)

test('flags may stand before the command, between its words and behind', () => {
  const line = parse('--context c space -n dev/alice create')
  expect(line).toMatchObject({ kind: 'run', command: { words: ['space', 'create'] } })
  expect(line.kind === 'run' && line.invocation).toEqual({
    args: [],
    flags: { context: 'c', name: 'dev/alice' },
  })
})

test('a flag means the same in every command that has it', () => {
  const meanings = new Map<string, string>()
  for (const { name, short = '', value } of [
    ...GLOBAL_FLAGS,
    ...COMMANDS.flatMap((command) => command.flags),
  ]) {
    for (const key of [`--${name}`, ...(short ? [`-${short}`] : [])]) {
      const meaning = `${name} ${value !== undefined}`
      expect(`${key} ${meanings.get(key) ?? meaning}`).toBe(`${key} ${meaning}`)
      meanings.set(key, meaning)
    }
  }
})

test.each([
  ['space lst', 'there is no command "space lst"; did you mean azds space list? `azds help`'],
  ['spce list', 'there is no command "spce list"; did you mean azds space list? `azds help`'],
  ['trce -f', 'there is no command "trce"; did you mean azds trace? `azds help`'],
  [
    'inspct pod.yaml',
    'there is no command "inspct pod.yaml"; did you mean azds inspect? `azds help`',
  ],
  ['deploy', 'there is no command "deploy"; `azds help` lists'],
  ['space list --outptu json', '"space list" has no flag --outptu; did you mean --output?'],
  ['space list --follow', '"space list" has no flag --follow; `azds space list --help`'],
  ['space list -o', '-o needs a value: -o FORMAT'],
  ['space list -o xml', '-o xml: expected one of table, json'],
  ['trace --follow=yes', '--follow takes no value, but "yes" was given'],
  ['space list more', '"space list" takes no argument, but "more" was given'],
  ['inspect', '"inspect" needs FILE; `azds inspect --help`'],
])('`azds %s` is a usage error that says: %s', async (line, message) => {
  const { code, out, err } = await azds(line, null)
  expect(err).toContain(message)
  expect(out).toBe('')
  expect(code).toBe(64)
})

test.each(['', 'help', '--help', '-h'])('`azds %s` lists every command', async (line) => {
  const { code, out } = await azds(line, null)
  expect(code).toBe(0)
  for (const { words, summary } of COMMANDS) {
    expect(out).toContain(words.join(' '))
    expect(out).toContain(summary)
  }
})

test('`azds space` lists the commands of that group', async () => {
  const { out } = await azds('space', null)
  expect(out).toContain('space remove')
  expect(out).not.toContain('inspect ')
  expect(out).toContain('azds space COMMAND [flags]')
})

test.each(COMMANDS.map(({ words }) => words.join(' ')).filter((words) => words !== 'help'))(
  'help for `azds %s` has its usage, flags and examples, asked for in any way',
  async (words) => {
    const { code, out } = await azds(`${words} --help`, null)
    expect(code).toBe(0)
    expect(out).toContain(`azds ${words}`)
    expect((await azds(`help ${words}`, null)).out).toBe(out)
    expect((await azds(`${words} -h`, null)).out).toBe(out)
  },
)

test('help for a command that there is not is a usage error', async () => {
  expect(await azds('help deploy', null)).toMatchObject({ code: 64, out: '' })
})

test.each(['version', '--version'])('`azds %s` prints the version', async (line) => {
  expect(await azds(line, null)).toEqual({ code: 0, out: 'azds 0.1.0\n', err: '' })
})

test('without a cluster a command says so and ends with 1', async () => {
  const { code, err } = await azds('space list', null)
  expect(err).toBe('azds: no cluster is configured\n')
  expect(code).toBe(1)
})

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'ab', 1],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
])('%j and %j are %d letters apart', (a, b, expected) => {
  expect(distance(a, b)).toBe(expected)
  expect(distance(b, a)).toBe(expected)
})
