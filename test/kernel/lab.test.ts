/** The lab itself: pods reach each other and nothing else, and nothing of it outlives the test. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { startDialer, startGreeter } from './conversation.ts'
import { createPodLab, run, runOk, spawnIn } from './lab.ts'
import { describeKernel } from './requirements.ts'

describeKernel('the lab', () => {
  test('pods reach each other and the node, over both families', async () => {
    const lab = await createPodLab()
    try {
      const [one, two] = [await lab.addPod('one'), await lab.addPod('two')]
      await startGreeter(two, 'two', { uid: 1000, ports: [8080] })
      await startGreeter(lab.node, 'node', { uid: 0, ports: [8080] })
      const dialer = startDialer(one, 1000)
      const hosts = [two.ipv4, two.ipv6, lab.node.ipv4, lab.node.ipv6]
      const answers = []
      for (const host of hosts) answers.push((await dialer.dial(host ?? '', 8080)).who)
      expect(answers).toEqual(['two', 'two', 'node', 'node'])
    } finally {
      await lab.close()
    }
  })

  test('a program runs as the uid, with the capabilities and the resolv.conf asked for', async () => {
    const lab = await createPodLab()
    try {
      const pod = await lab.addPod('pod', { resolvConf: 'nameserver 192.0.2.1\n' })
      expect(await runOk(pod, ['id', '-u'], { uid: 1000 })).toBe('1000\n')
      expect(await runOk(pod, ['cat', '/etc/resolv.conf'])).toBe('nameserver 192.0.2.1\n')
      expect((await run(pod, ['ip', 'link', 'add', 'd0', 'type', 'bridge'])).code).toBe(0)
      const without = { withoutCapabilities: ['net_admin'] }
      expect((await run(pod, ['ip', 'link', 'add', 'd1', 'type', 'bridge'], without)).code).toBe(2)
    } finally {
      await lab.close()
    }
  })

  test('stop() ends a program with the signal and reports how it ended', async () => {
    const lab = await createPodLab()
    try {
      const trap = spawnIn(lab.node, ['sh', '-c', 'trap "exit 7" TERM; echo up; sleep 60 & wait'])
      await untilTrue(() => trap.output.stdout === 'up\n')
      expect(await trap.stop()).toBe(7)
    } finally {
      await lab.close()
    }
  })

  test('close() ends daemons that left their parent, and every namespace', async () => {
    const marker = `azds-lab-${process.pid}-close`
    const lab = await createPodLab()
    const pod = await lab.addPod('pod')
    await runOk(pod, ['sh', '-c', `MARKER=${marker} setsid sleep 600 >/dev/null 2>&1 &`])
    await untilTrue(() => processesWith(marker).length === 1)
    await lab.close()
    await untilTrue(() => processesWith(marker).length === 0)
    expect([pod.holder, lab.node.holder].filter((pid) => isAlive(`${pid}`))).toEqual([])
  })

  test('a test process that is killed takes its lab along', async () => {
    const marker = `azds-lab-${process.pid}-kill`
    const script = `
        import { createPodLab, spawnIn } from ${JSON.stringify(new URL('./lab.ts', import.meta.url).href)}
        const lab = await createPodLab()
        const pod = await lab.addPod('pod')
        spawnIn(pod, ['sleep', '600'], { env: { MARKER: '${marker}' } })
        console.log(pod.holder + ' ' + lab.node.holder)
        setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data
      })
    }
    try {
      await untilTrue(() => output.includes('\n') && processesWith(marker).length === 1)
    } finally {
      child.kill('SIGKILL')
    }
    await untilTrue(() => processesWith(marker).length === 0)
    const holders = output.trim().split(' ')
    await untilTrue(() => holders.every((pid) => !isAlive(pid)))
  })
})

/** A zombie is dead: it only waits until the machine's init has asked for its exit code. */
function isAlive(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/status`, 'utf8').includes('State:\tZ')
  } catch {
    return false
  }
}

/** Pids of the processes that have the marker as a value in their environment. */
function processesWith(marker: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const isSleep = readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n'
      return isSleep && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`=${marker}\0`)
    } catch {
      return false
    }
  })
}

/** Waits at most 20 s; far more than killing a few processes takes. */
async function untilTrue(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never became true: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
