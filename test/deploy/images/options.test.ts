/** The options of `npm run images`. */
import { expect, test } from '@jest/globals'
import { parseImageOptions } from '../../../scripts/images/options.ts'
import { IMAGE_NAMES } from '../../../scripts/images/recipes.ts'

test('without options all images are made of this machine’s files, and dated 1970', () => {
  expect(parseImageOptions([], '1.2.3', undefined)).toMatchObject({
    ok: true,
    options: {
      ...{ base: '/', out: 'dist/images', tag: '1.2.3', registry: '', node: null, docker: false },
      ...{ only: IMAGE_NAMES, created: '1970-01-01T00:00:00Z' },
    },
  })
})

test('all options are taken', () => {
  const line =
    '--base /srv/root --out /tmp/o --tag dev --registry r.example:5000/x --platform linux/arm64 --node n --only proxy,prepull --docker --no-build'
  expect(parseImageOptions(line.split(' '), '1', '1700000000')).toMatchObject({
    ok: true,
    options: {
      ...{ base: '/srv/root', out: '/tmp/o', tag: 'dev', registry: 'r.example:5000/x', node: 'n' },
      ...{ platform: 'linux/arm64', only: ['proxy', 'prepull'], docker: true, noBuild: true },
      created: '2023-11-14T22:13:20Z',
    },
  })
})

test.each([
  [['--bse', '/'], 'unknown option --bse'],
  [['--base'], '--base needs a value'],
  [['--tag', 'a b'], '--tag a b: not a tag'],
  [['--registry', 'https://x'], 'not a registry'],
  [['--platform', 'linux/386'], 'one of linux/amd64, linux/arm64'],
  [['--only', 'proxy,prox'], 'there is no image prox'],
])('%j is refused', (args, mistake) => {
  expect(parseImageOptions(args, '1')).toEqual({
    ok: false,
    mistake: expect.stringContaining(mistake),
  })
})

test('a date that is none is refused', () => {
  expect(parseImageOptions([], '1', 'today')).toMatchObject({ ok: false })
})
