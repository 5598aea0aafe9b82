import { expect, test } from '@jest/globals'
import type { Exec } from '../../core/exec.ts'
import { chooseBackend, rankBackends } from '../../proxy-init/backend.ts'

const NONE = { rules: 0, ours: false }
const SOME = { rules: 3, ours: false }
const MANY = { rules: 9, ours: false }
const OURS = { rules: 2, ours: true }

test.each([
  ['auto', NONE, NONE, ['nft', 'legacy']],
  ['auto', SOME, NONE, ['nft']],
  ['auto', NONE, SOME, ['legacy']],
  ['auto', SOME, MANY, ['legacy']],
  ['auto', MANY, SOME, ['nft']],
  ['auto', SOME, SOME, ['nft']],
  ['auto', MANY, OURS, ['legacy']],
  ['auto', OURS, MANY, ['nft']],
  ['nft', NONE, MANY, ['nft']],
  ['legacy', MANY, NONE, ['legacy']],
  ['legacy', NONE, OURS, ['legacy']],
] as const)('%s with nft %j and legacy %j tries %j', (wanted, nft, legacy, backends) => {
  const ranking = rankBackends(wanted, { nft, legacy })
  expect(ranking.ok && ranking.candidates.map(({ backend }) => backend)).toEqual(backends)
})

test.each([
  ['nft', NONE, OURS],
  ['legacy', OURS, NONE],
] as const)('%s is refused while our chains are in the other', (wanted, nft, legacy) => {
  expect(rankBackends(wanted, { nft, legacy })).toEqual({
    ok: false,
    problem: expect.stringContaining('AZDS_IPTABLES_BACKEND'),
  })
})

/** A machine on which programs answer as told; every other program is not installed. */
function machine(answers: Record<string, { code?: number; stdout?: string; stderr?: string }>) {
  const calls: string[] = []
  const exec: Exec = async (file, args) => {
    calls.push([file, ...args].join(' '))
    const answer = answers[file]
    if (!answer) throw new Error(`${file}: spawn ${file} ENOENT`)
    return { code: 0, stdout: '', stderr: '', ...answer }
  }
  return { exec, calls }
}

const FOREIGN = '*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -j RETURN\nCOMMIT\n'

test('nft is taken where nothing exists and it works', async () => {
  const { exec, calls } = machine({ 'iptables-nft-save': {}, 'iptables-nft-restore': {} })
  expect(await chooseBackend(exec, 'auto', 'commit')).toMatchObject({ ok: true, backend: 'nft' })
  expect(calls).toContain('iptables-nft-restore --noflush')
})

test('legacy is taken where nft does not work', async () => {
  const { exec, calls } = machine({
    'iptables-nft-restore': { code: 4, stderr: 'Could not fetch rule set generation id' },
    'iptables-legacy-restore': {},
  })
  expect(await chooseBackend(exec, 'auto', 'commit')).toMatchObject({ ok: true, backend: 'legacy' })
  expect(calls).toContain('iptables-legacy-restore --noflush -w 20')
})

test('IPv6 rules count as existing rules, too', async () => {
  const { exec } = machine({
    'iptables-nft-restore': {},
    'iptables-legacy-restore': {},
    'ip6tables-legacy-save': { stdout: FOREIGN },
  })
  expect(await chooseBackend(exec, 'auto', 'commit')).toEqual({
    ok: true,
    backend: 'legacy',
    reason: 'has the rules that exist',
  })
})

test('where none works, the problem has the reason of each', async () => {
  const { exec } = machine({ 'iptables-legacy-restore': { code: 3, stderr: 'no nat table' } })
  expect(await chooseBackend(exec, 'auto', 'commit')).toEqual({
    ok: false,
    problem:
      'no iptables back-end works; nft: iptables-nft-restore is not installed in the image; ' +
      'legacy: iptables-legacy-restore exited with 3: no nat table',
  })
})

test('a run that must change nothing only lets the programs parse', async () => {
  const { exec, calls } = machine({ 'iptables-nft-restore': {} })
  await chooseBackend(exec, 'auto', 'parse')
  expect(calls).toContain('iptables-nft-restore --noflush --test')
})
