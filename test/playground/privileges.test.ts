import { expect, test } from '@jest/globals'
import { capabilities, identityOf, setprivArguments } from '../../playground/node/privileges.ts'
import { container, pod } from './pod.ts'

const secured = (securityContext: object) => container('app', { securityContext })

test.each([
  ['the image’s user', {}, {}, { uid: 65532, gid: 0, groups: [] }],
  ['the pod’s', {}, { runAsUser: 10, runAsGroup: 20 }, { uid: 10, gid: 20, groups: [] }],
  ['the container’s', { runAsUser: 5 }, { runAsUser: 10 }, { uid: 5, gid: 0, groups: [] }],
  [
    'further groups',
    {},
    { fsGroup: 7, supplementalGroups: [8] },
    { uid: 65532, gid: 0, groups: [8, 7] },
  ],
])('a container runs with %s', (_what, own, shared, identity) => {
  const view = pod({ securityContext: shared })
  expect(identityOf(secured(own), view, 65532)).toEqual({ ok: true, identity })
})

test('runAsNonRoot refuses root and lets others pass', () => {
  const strict = pod({ securityContext: { runAsNonRoot: true } })
  expect(identityOf(container('app'), strict, 0)).toEqual({
    ok: false,
    mistake: expect.stringContaining('container "app" has runAsNonRoot'),
  })
  expect(identityOf(container('app'), strict, 1)).toMatchObject({ ok: true })
})

test.each([
  [{ drop: ['ALL'] }, []],
  [{ drop: ['ALL'], add: ['NET_ADMIN', 'CAP_NET_RAW'] }, ['net_admin', 'net_raw']],
  [{ drop: ['all'], add: ['CHOWN', 'chown'] }, ['chown']],
])('capabilities %j leave %j', (wanted, left) => {
  expect(capabilities(secured({ capabilities: wanted }))).toEqual(left)
})

test('without a word on capabilities root keeps the runtimes’ default ones', () => {
  const kept = capabilities(container('app'))
  expect(kept).toContain('net_bind_service')
  expect(kept).not.toContain('net_admin')
  expect(kept).not.toContain('sys_admin')
})

const identity = { uid: 1, gid: 2, groups: [] }

test('setpriv drops what is not kept, and forbids new rights only where asked', () => {
  const dropped = secured({ capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } })
  expect(setprivArguments(identity, dropped).join(' ')).toBe(
    '--reuid 1 --regid 2 --clear-groups --bounding-set -all,+net_admin --inh-caps -all',
  )
  const strict = secured({ allowPrivilegeEscalation: false })
  expect(setprivArguments(identity, strict)).toContain('--no-new-privs')
})

test('a privileged container keeps everything', () => {
  expect(setprivArguments({ ...identity, groups: [9] }, secured({ privileged: true }))).toEqual([
    '--reuid',
    '1',
    '--regid',
    '2',
    '--groups',
    '9',
  ])
})
