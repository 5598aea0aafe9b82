import { expect, test } from '@jest/globals'
import { keepIdentity } from '../../proxy/controller-identity.ts'

interface Files {
  token?: string
  'ca.crt'?: string
}

function kept(files: Files) {
  const state = { files, nowMs: 0, reads: 0 }
  const keeper = keepIdentity({
    dir: '/identity',
    now: () => state.nowMs,
    read: async (path) => {
      state.reads++
      const text = state.files[path.replace('/identity/', '') as keyof Files]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
  return { state, keeper }
}

test('token and authorities are read once a second at most, and the new ones are found', async () => {
  const { state, keeper } = kept({ token: 'one\n', 'ca.crt': 'A' })
  expect(await keeper.current()).toEqual({ token: 'one', authorities: 'A' })
  state.files = { token: 'two', 'ca.crt': 'A B' }
  state.nowMs = 900
  expect(await keeper.current()).toEqual({ token: 'one', authorities: 'A' })
  expect(state.reads).toBe(2)
  state.nowMs = 1000
  expect(await keeper.current()).toEqual({ token: 'two', authorities: 'A B' })
})

test('a token that was refused is read again at once', async () => {
  const { state, keeper } = kept({ token: 'one', 'ca.crt': 'A' })
  await keeper.current()
  state.files = { token: 'two', 'ca.crt': 'A' }
  keeper.refused()
  expect(await keeper.current()).toMatchObject({ token: 'two' })
})

test.each<[string, Files, string]>([
  [
    'authorities that nobody has published yet',
    { token: 't' },
    '/identity/ca.crt cannot be read (ENOENT): the controller publishes it as ConfigMap azds-ca in every space',
  ],
  [
    'a token that is not there',
    { 'ca.crt': 'A' },
    '/identity/token cannot be read (ENOENT): the kubelet writes it into the volume azds-identity',
  ],
  ['an empty file', { token: '', 'ca.crt': 'A' }, '/identity/token is empty'],
  ['what is no token', { token: 'a\r\nb', 'ca.crt': 'A' }, '/identity/token holds no token'],
])('%s is told by file and remedy, and asked for again', async (_, files, problem) => {
  const { state, keeper } = kept(files)
  await expect(keeper.current()).rejects.toThrow(problem)
  state.files = { token: 'late', 'ca.crt': 'A' }
  expect(await keeper.current()).toEqual({ token: 'late', authorities: 'A' })
})

test('what is wrong with a token does not tell the token', async () => {
  const { keeper } = kept({ token: 'secret\nsecret', 'ca.crt': 'A' })
  await expect(keeper.current()).rejects.not.toThrow('secret')
})

test('files that go again, as with a namespace that is deleted, leave what was known', async () => {
  const { state, keeper } = kept({ token: 'one', 'ca.crt': 'A' })
  await keeper.current()
  state.files = { token: 'one' }
  state.nowMs = 5000
  expect(await keeper.current()).toEqual({ token: 'one', authorities: 'A' })
  keeper.refused()
  state.files = {}
  expect(await keeper.current()).toEqual({ token: 'one', authorities: 'A' })
  state.files = { token: 'two', 'ca.crt': 'B' }
  state.nowMs = 6000
  expect(await keeper.current()).toEqual({ token: 'two', authorities: 'B' })
})
