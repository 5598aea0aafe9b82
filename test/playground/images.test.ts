import { expect, test } from '@jest/globals'
import { programOf } from '../../playground/images.ts'

test.each([
  ['azds/proxy:dev', ['node', '--expose-gc', '/app/proxy.mjs'], 1337],
  ['azds/proxy-init:1.2.3', ['node', '/app/proxy-init.mjs'], 0],
  ['docker.io/azds/webhook', ['node', '--max-semi-space-size=2', '/app/webhook.mjs'], 65532],
  ['azds/prepull:1', ['node', '/app/prepull.mjs'], 65532],
  [
    `azds/controller@sha256:${'a'.repeat(64)}`,
    ['node', '--max-semi-space-size=1', '--heap-growing-percent=60', '/app/controller.mjs'],
    65532,
  ],
])('the image %s runs %j as uid %i', (image, entrypoint, user) => {
  expect(programOf(image)).toMatchObject({ entrypoint, user })
})

test('a sample image tells its program which service and version it is', () => {
  expect(programOf('azds-sample/orders:v2')?.env).toEqual({ SERVICE: 'orders', VERSION: 'v2' })
  expect(programOf('azds-sample/orders')?.env['VERSION']).toBe('latest')
})

test.each([
  'nginx',
  'azds/build-init:dev',
  'evil.example/azds/proxy:dev',
  'azds/proxyx',
  '',
  'A B',
])('the image %j is not known', (image) => {
  expect(programOf(image)).toBeNull()
})
