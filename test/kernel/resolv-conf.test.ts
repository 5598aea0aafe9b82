/** The pod's shared resolv.conf: a bind-mounted file that may be written but not replaced. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createPodLab, type Place, type PodLab, runOk } from './lab.ts'
import { prepare, runProxyInit, savedRules } from './proxy-init-run.ts'
import { describeKernel } from './requirements.ts'

const ENV = { AZDS_SPACE_CHAIN: 'alice,dev' }
const PATH = '/etc/resolv.conf'
const BEFORE = `# written by the runtime
nameserver 10.96.0.10
search alice.svc.cluster.local svc.cluster.local cluster.local corp.example
options ndots:5
`
const AFTER = BEFORE.replace('alice.svc.cluster.local', '$& dev.svc.cluster.local')

describeKernel('proxy-init and resolv.conf', () => {
  let lab: PodLab
  let pods = 0
  const makePod = (): Promise<Place> => lab.addPod(`pod${pods++}`, { resolvConf: BEFORE })
  const identity = (pod: Place) => runOk(pod, ['stat', '-c', '%d:%i %a %u', PATH])
  const content = (pod: Place) => runOk(pod, ['cat', PATH])

  beforeAll(async () => {
    lab = await createPodLab()
  })
  afterAll(() => lab?.close())

  test('the file is edited in place: same inode, same mode, and seen by every other mount of it', async () => {
    const pod = await makePod()
    await runOk(pod, ['sh', '-c', ': > /run/other && mount --bind /run/resolv.conf /run/other'])
    const before = await identity(pod)
    await prepare(pod, ENV)
    expect(await content(pod)).toBe(AFTER)
    expect(await identity(pod)).toBe(before)
    expect(await runOk(pod, ['cat', '/run/other'])).toBe(AFTER)
  })

  test('a second run leaves it as it is', async () => {
    const pod = await makePod()
    await prepare(pod, ENV)
    const changed = await runOk(pod, ['stat', '-c', '%y', PATH])
    await prepare(pod, ENV)
    expect(await content(pod)).toBe(AFTER)
    expect(await runOk(pod, ['stat', '-c', '%y', PATH])).toBe(changed)
  })

  test('a read-only file fails the pod with the reason, before any rule is made', async () => {
    const pod = await makePod()
    await runOk(pod, ['mount', '-o', 'remount,bind,ro', PATH])
    const { code, stdout } = await runProxyInit(pod, ENV)
    expect(code).toBe(1)
    expect(stdout).toContain('/etc/resolv.conf cannot be written: it is mounted read-only')
    expect(stdout).toContain('readOnlyRootFilesystem')
    expect(await content(pod)).toBe(BEFORE)
    expect(await savedRules(pod, 'nft')).not.toContain('AZDS')
  })

  test('a read-only file that needs no change is no failure', async () => {
    const pod = await makePod()
    await prepare(pod, ENV)
    await runOk(pod, ['mount', '-o', 'remount,bind,ro', PATH])
    await prepare(pod, ENV)
  })

  test('a uid that may not write the file gets the reason', async () => {
    const pod = await makePod()
    const { code, stdout } = await runProxyInit(pod, ENV, { uid: 65534 })
    expect(code).toBe(1)
    expect(stdout).toContain('/etc/resolv.conf cannot be written: permission denied')
  })
})
