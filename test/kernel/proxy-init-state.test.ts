/** What proxy-init leaves in the kernel: on re-runs, upgrades and failures, with both back-ends. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { restore, save } from '../../proxy-init/iptables.ts'
import { WELL_KNOWN_PORTS } from '../../webhook/inject/well-known-ports.ts'
import { createPodLab, execIn, type Place, type PodLab, run, runOk } from './lab.ts'
import { BACKENDS, prepare, runProxyInit, savedRules } from './proxy-init-run.ts'
import { describeKernel } from './requirements.ts'

let lab: PodLab
let pod: Place

const makePod = async () => {
  lab = await createPodLab()
  pod = await lab.addPod('pod')
}

describeKernel('proxy-init and the rules that exist', () => {
  beforeEach(makePod)
  afterEach(() => lab.close())

  describe.each(BACKENDS)('with the %s back-end', (backend) => {
    const env = {
      AZDS_IPTABLES_BACKEND: backend,
      AZDS_SKIP_OUTBOUND_PORTS: '6379',
      // More than one rule can take.
      AZDS_OPAQUE_PORTS: `${WELL_KNOWN_PORTS.map(({ port }) => port).join()},7000-7010`,
    }
    const iptables = (args: string) => runOk(pod, `iptables-${backend} -t nat ${args}`.split(' '))

    test('a second and a third run leave iptables-save as it was', async () => {
      await prepare(pod, env)
      const first = await savedRules(pod, backend)
      expect(first).toContain('azds: skip-outbound-ports')
      // Two rules in each family.
      expect(first.match(/azds: opaque-ports/g)).toHaveLength(4)
      await prepare(pod, env)
      await prepare(pod, env)
      expect(await savedRules(pod, backend)).toBe(first)
    })

    test('a re-run repairs a rule that somebody removed', async () => {
      await prepare(pod, env)
      const first = await savedRules(pod, backend)
      await iptables('-F AZDS_OUT_REDIRECT')
      expect(await savedRules(pod, backend)).not.toBe(first)
      await prepare(pod, env)
      expect(await savedRules(pod, backend)).toBe(first)
    })

    test('a re-run puts back a jump that was lost, and removes one that is there twice', async () => {
      await prepare(pod, env)
      const first = await savedRules(pod, backend)
      const jump = first.match(/^-A (OUTPUT .*AZDS_OUTBOUND)$/m)?.[1] ?? ''
      await runOk(pod, ['sh', '-c', `iptables-${backend} -t nat -D ${jump}`])
      await prepare(pod, env)
      expect(await savedRules(pod, backend)).toBe(first)
      await runOk(pod, ['sh', '-c', `iptables-${backend} -t nat -A ${jump}`])
      await prepare(pod, env)
      expect(await savedRules(pod, backend)).toBe(first)
    })

    test('rules of others survive, before ours and after, in their order', async () => {
      await iptables('-A OUTPUT -p tcp --dport 9001 -j RETURN')
      await iptables('-N OTHERS')
      await iptables('-A OTHERS -p tcp --dport 9002 -j RETURN')
      await runOk(pod, `iptables-${backend} -A INPUT -p tcp --dport 9004 -j DROP`.split(' '))
      await prepare(pod, env)
      await iptables('-A OUTPUT -p tcp --dport 9003 -j RETURN')
      const before = await savedRules(pod, backend)
      await prepare(pod, env)
      await prepare(pod, { ...env, AZDS_SKIP_OUTBOUND_PORTS: '6380' })
      const after = await savedRules(pod, backend)
      expect(after).toBe(before.replaceAll('--dports 6379', '--dports 6380'))
      for (const port of [9001, 9002, 9003, 9004]) expect(after).toContain(`--dport ${port}`)
    })

    test('a changed configuration replaces the old rules', async () => {
      await prepare(pod, env)
      const none = { AZDS_SKIP_OUTBOUND_PORTS: '', AZDS_OPAQUE_PORTS: '' }
      await prepare(pod, { ...env, ...none, AZDS_PROXY_UID: '1338' })
      const replaced = await savedRules(pod, backend)
      const fresh = await lab.addPod('fresh')
      await prepare(fresh, { AZDS_IPTABLES_BACKEND: backend, AZDS_PROXY_UID: '1338' })
      expect(replaced).toBe(await savedRules(fresh, backend))
    })

    test('a transaction with one invalid rule leaves the old rules, and names the rule', async () => {
      await prepare(pod, env)
      const before = await savedRules(pod, backend)
      const bad = '-A AZDS_OUTBOUND -p tcp --dport 99999 -j RETURN'
      const input = `*nat\n:AZDS_OUTBOUND - [0:0]\n-A AZDS_OUTBOUND -p udp -j RETURN\n${bad}\nCOMMIT\n`
      const outcome = await restore(execIn(pod), backend, 'ipv4', input)
      expect(outcome).toEqual({ ok: false, problem: expect.stringContaining(bad) })
      expect(await savedRules(pod, backend)).toBe(before)
    })

    test('if IPv6 fails after IPv4, IPv4 and resolv.conf are taken back', async () => {
      await iptables('-A OUTPUT -p tcp --dport 9001 -j RETURN')
      await prepare(pod, env)
      const rules = await savedRules(pod, backend)
      const resolvConf = await runOk(pod, ['cat', '/etc/resolv.conf'])
      // Stands for a kernel that refuses our IPv6 rules though it takes the trial.
      const real = `/usr/sbin/ip6tables-${backend}-restore`
      const script = `#!/bin/sh\nt=$(cat)\ncase "$t" in *AZDS_TRIAL*) echo "$t" | ${real} "$@";; *) echo "line 6 failed" >&2; exit 1;; esac\n`
      const fake = `/run/bin/ip6tables-${backend}-restore`
      const install = `mkdir -p /run/bin && cat > ${fake} && chmod 755 ${fake}`
      await runOk(pod, ['sh', '-c', install], { input: script })
      const failed = await runProxyInit(pod, {
        ...env,
        PATH: '/run/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        AZDS_SPACE_CHAIN: 'default,dev',
        AZDS_SKIP_OUTBOUND_PORTS: '',
      })
      expect(failed.code).toBe(1)
      expect(failed.stdout).toMatch(
        /ipv6: the rule -A AZDS_INBOUND -i lo .* was refused: ip6tables/,
      )
      expect(await savedRules(pod, backend)).toBe(rules)
      expect(await runOk(pod, ['cat', '/etc/resolv.conf'])).toBe(resolvConf)
    })

    test('a dry run prints the transaction, which iptables-restore accepts, and changes nothing', async () => {
      const resolvConf = await runOk(pod, ['cat', '/etc/resolv.conf'])
      // Legacy iptables makes an empty table for whoever looks at it.
      await iptables('-S')
      await runOk(pod, `ip6tables-${backend} -t nat -S`.split(' '))
      const before = await savedRules(pod, backend)
      const chain = { ...env, AZDS_SPACE_CHAIN: 'default,dev' }
      const { code, stdout } = await runProxyInit(pod, chain, { flags: ['--dry-run'] })
      expect(code).toBe(0)
      expect(await savedRules(pod, backend)).toBe(before)
      expect(await runOk(pod, ['cat', '/etc/resolv.conf'])).toBe(resolvConf)
      expect(stdout).toContain('+search default.svc.cluster.local dev.svc.cluster.local')
      const [ipv4 = '', ipv6 = ''] = stdout.match(/^\*nat\n[\s\S]*?^COMMIT\n/gm) ?? []
      expect(await restore(execIn(pod), backend, 'ipv4', ipv4)).toEqual({ ok: true })
      expect(await restore(execIn(pod), backend, 'ipv6', ipv6)).toEqual({ ok: true })
      const printed = await savedRules(pod, backend)
      await prepare(pod, env)
      expect(await savedRules(pod, backend)).toBe(printed)
    })

    test('auto takes the back-end in which rules exist', async () => {
      await iptables('-A OUTPUT -p tcp --dport 9001 -j RETURN')
      const log = await prepare(pod, {})
      expect(log).toContain(`"backend":"${backend}","backendReason":"has the rules that exist"`)
      const other = backend === 'nft' ? 'legacy' : 'nft'
      expect(await savedRules(pod, other)).not.toContain('AZDS')
    })

    test('without IPv6 in the pod, IPv4 is intercepted and the run succeeds', async () => {
      const ipv4Only = await lab.addPod('ipv4-only', { ipv6: false })
      await prepare(ipv4Only, env)
      const saved = await save(execIn(ipv4Only), backend, 'ipv4', 'nat')
      expect(saved).toEqual({ ok: true, text: expect.stringContaining('AZDS_OUT_REDIRECT') })
    })

    test.each([
      ['an unprivileged uid', { uid: 65534 }],
      ['root without NET_ADMIN and NET_RAW', { withoutCapabilities: ['net_admin', 'net_raw'] }],
    ])('as %s it fails, says what it needs, and changes nothing', async (_who, options) => {
      const before = await savedRules(pod, backend)
      const { code, stdout } = await runProxyInit(pod, env, options)
      expect(code).toBe(1)
      expect(stdout).toContain('must run as uid 0 with the capabilities NET_ADMIN and NET_RAW')
      expect(await savedRules(pod, backend)).toBe(before)
    })
  })

  test('auto takes nft where nothing exists', async () => {
    expect(await prepare(pod, {})).toContain('"backend":"nft"')
    expect(await savedRules(pod, 'nft')).toContain('AZDS_OUT_REDIRECT')
    expect(await savedRules(pod, 'legacy')).not.toContain('AZDS')
  })

  test('chains in one back-end are never doubled in the other', async () => {
    await prepare(pod, { AZDS_IPTABLES_BACKEND: 'legacy' })
    const { code, stdout } = await runProxyInit(pod, { AZDS_IPTABLES_BACKEND: 'nft' })
    expect(code).toBe(1)
    expect(stdout).toContain('our chains are already in the legacy back-end')
    expect(await savedRules(pod, 'nft')).not.toContain('AZDS')
    expect(await prepare(pod, {})).toContain('"backendReason":"has our chains"')
  })

  test('without any iptables program it fails and names both back-ends', async () => {
    const { code, stdout } = await runProxyInit(pod, { PATH: '/nonexistent' })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /nft: iptables-nft-restore is not installed.*legacy: iptables-legacy-restore is not/,
    )
  })

  test('a wrong configuration ends with 64 and all its mistakes before anything is touched', async () => {
    const wrong = { AZDS_SKIP_INBOUND_PORTS: '80,http', AZDS_PROXY_UID: '-1' }
    const { code, stderr } = await runProxyInit(pod, wrong)
    expect(code).toBe(64)
    expect(stderr).toContain('AZDS_SKIP_INBOUND_PORTS="80,http"')
    expect(stderr).toContain('AZDS_PROXY_UID="-1"')
    expect((await run(pod, ['iptables-nft-save'])).stdout).toBe('')
  })
})
