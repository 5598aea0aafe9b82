/** The completion script as bash itself runs it. */
import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { COMMANDS } from '../../cli/commands.ts'
import { azds } from './world-fixture.ts'

const script = (await azds('completion bash', null)).out

/** What bash offers for the last of these words, which stand behind `azds`. */
function offered(...words: string[]): string[] {
  const call = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _azds; echo "\${COMPREPLY[*]}"`
  const out = execFileSync('bash', ['-c', `${script}\n${call}`, 'bash', 'azds', ...words], {
    encoding: 'utf8',
  })
  return out.split(/\s+/).filter((word) => word !== '')
}

test.each([
  [['spa'], ['space']],
  [
    ['space', ''],
    ['list', 'create', 'remove', 'heal'],
  ],
  [['--context', 'trace', 'space', 'cr'], ['create']],
  [['trace', '--fol'], ['--follow']],
  [
    ['trace', '-o', ''],
    ['table', 'json'],
  ],
  [['--output', 'j'], []],
  [['list-up', '--output', 'j'], ['json']],
  [['doctor', '--for', 'dev'], ['developer']],
  [['--kubec'], ['--kubeconfig']],
  // Nothing of ours: the shell completes a file.
  [['inspect', ''], []],
  [['trace', '--kubeconfig', ''], []],
])('behind azds %j bash offers %j', (words, expected) => {
  expect(offered(...words)).toEqual(expected)
})

test('every command can be reached', () => {
  for (const { words } of COMMANDS) {
    words.forEach((word, depth) => {
      expect(offered(...words.slice(0, depth), '')).toContain(word)
    })
  }
})

test('for zsh the same function stands behind what makes zsh run it', async () => {
  const { out, code } = await azds('completion zsh', null)
  expect(out).toContain('bashcompinit\n_azds() {')
  expect(out).toContain(script.slice(script.indexOf('_azds() {')))
  expect(code).toBe(0)
})

test.each(['fish', 'Bash'])(
  'shell %s is a usage error that names those there are',
  async (shell) => {
    expect(await azds(`completion ${shell}`, null)).toMatchObject({
      code: 64,
      out: '',
      err: `azds: shell "${shell}": expected one of bash, zsh\n`,
    })
  },
)
