import { expect, test } from '@jest/globals'
import type { Exec } from '../../core/exec.ts'
import { kernelLacksIt, restore, save } from '../../proxy-init/iptables.ts'

const INPUT = '*nat\n:X - [0:0]\n-A X -p tcp --dport 99999 -j RETURN\nCOMMIT\n'
const failing =
  (code: number, stderr: string): Exec =>
  async () => ({ code, stdout: '', stderr })

test.each([
  [
    'the rule that nft refused',
    2,
    "iptables-nft-restore v1.8.9 (nf_tables): invalid port/service `99999' specified\nError occurred at line: 3\nTry `iptables-nft-restore -h' or 'iptables-nft-restore --help' for more information.\n",
    "the rule -A X -p tcp --dport 99999 -j RETURN was refused: iptables-nft-restore exited with 2: iptables-nft-restore v1.8.9 (nf_tables): invalid port/service `99999' specified",
  ],
  [
    'the rule in the short spelling',
    1,
    'iptables-nft-restore: line 3 failed: No chain/target/match by that name.\n',
    'the rule -A X -p tcp --dport 99999 -j RETURN was refused: iptables-nft-restore exited with 1: iptables-nft-restore: line 3 failed: No chain/target/match by that name.',
  ],
  [
    'that the kernel refused the whole',
    1,
    'iptables-restore: line 4 failed\n',
    'the kernel refused the transaction as a whole (a match or target module may be missing): iptables-nft-restore exited with 1: iptables-restore: line 4 failed',
  ],
  [
    'what a missing capability needs',
    4,
    'iptables-nft-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n',
    'iptables-nft-restore exited with 4: iptables-nft-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root) (the init container must run as uid 0 with the capabilities NET_ADMIN and NET_RAW)',
  ],
  ['that nothing was said', 1, '', 'iptables-nft-restore exited with 1: no message'],
])('a failed restore tells %s', async (_what, code, stderr, problem) => {
  expect(await restore(failing(code, stderr), 'nft', 'ipv4', INPUT)).toEqual({ ok: false, problem })
})

test('only legacy iptables waits for the lock that it has', async () => {
  const calls: string[] = []
  const exec: Exec = async (file, args, options) => {
    calls.push(`${file} ${args.join(' ')} < ${options?.input?.split('\n')[0]}`)
    return { code: 0, stdout: '', stderr: '' }
  }
  await restore(exec, 'legacy', 'ipv6', INPUT)
  await restore(exec, 'nft', 'ipv4', INPUT)
  expect(calls).toEqual([
    'ip6tables-legacy-restore --noflush -w 20 < *nat',
    'iptables-nft-restore --noflush < *nat',
  ])
})

test('a save that fails is a problem, not an empty table', async () => {
  expect(await save(failing(3, 'broken'), 'legacy', 'ipv6', 'nat')).toEqual({
    ok: false,
    problem: 'ip6tables-legacy-save exited with 3: broken',
  })
})

test.each([
  ["can't initialize ip6tables table `nat': Table does not exist (do you need to insmod?)", true],
  ['line 2: CHAIN_ADD failed (Operation not supported): chain PREROUTING', true],
  ['Could not fetch rule set generation id: Permission denied (you must be root)', false],
  ['Another app is currently holding the xtables lock', false],
  ['ip6tables-nft-restore is not installed in the image', false],
])('"%s" means that the kernel lacks it: %s', (problem, lacks) => {
  expect(kernelLacksIt(problem)).toBe(lacks)
})
