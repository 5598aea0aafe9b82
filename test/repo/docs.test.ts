/** Documents say what the code says, and name only files that exist. */
import { dirname, join, normalize } from 'node:path'
import { expect, test } from '@jest/globals'
import { ERROR } from '../../core/errors.ts'
import { docComments } from '../../scripts/reference/doc-comments.ts'
import { stalePages } from '../../scripts/reference/pages.ts'
import { exists, filesIn, ROOT, readText } from './repository.ts'

/** Documents that a reader starts from. */
const ENTRANCES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']

test('the generated reference is what the code says (else run `npm run docs`)', () => {
  expect(stalePages(ROOT)).toEqual([])
})

test.each(ENTRANCES)('%s is there', (path) => {
  expect(exists(path)).toBe(true)
})

const DOCUMENTS = filesIn().filter((path) => path.endsWith('.md'))
const FOLDERS =
  'core|webhook|proxy|proxy-init|prepull|controller|viewer|cli|deploy|playground|test|bench|docs|scripts'
/** A path in code quotes that begins with one of our folders and names a file. */
const NAMED_FILE = new RegExp(`\`((?:${FOLDERS})/[\\w./-]+\\.[a-z]+)\``, 'g')
const LINK = /\]\(([^)\s#]+)(?:#[^)]*)?\)/g

test('every file that a document names exists', () => {
  const missing = DOCUMENTS.flatMap((document) =>
    [...readText(document).matchAll(NAMED_FILE)]
      .map(([, path = '']) => path)
      .filter((path) => !exists(path))
      .map((path) => `${document} names ${path}, which is not there`),
  )
  expect(missing).toEqual([])
})

test('every link from one document to another leads somewhere', () => {
  const broken = DOCUMENTS.flatMap((document) =>
    [...readText(document).matchAll(LINK)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !exists(normalize(join(dirname(document), target))))
      .map((target) => `${document} links to ${target}, which is not there`),
  )
  expect(broken).toEqual([])
})

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (path: string): string[] =>
  [...readText(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

test('every link to a part of a document leads to a heading there', () => {
  const broken = DOCUMENTS.flatMap((document) =>
    [...readText(document).matchAll(/\]\((?!\w+:)([^)\s#]*)#([^)\s]+)\)/g)]
      .map(([, path = '', anchor = '']) => {
        const target = path === '' ? document : normalize(join(dirname(document), path))
        return { target, anchor }
      })
      .filter(({ target, anchor }) => !anchorsOf(target).includes(anchor))
      .map(({ target, anchor }) => `${document} links to #${anchor}, which ${target} has not`),
  )
  expect(broken).toEqual([])
})

test('the limits that error texts name are those of the code', () => {
  const hops = /export const MAX_HOPS = (\d+)/.exec(readText('core/names.ts'))?.[1]
  expect(ERROR['too-many-hops'].meaning).toContain(`more than ${hops} sidecars`)
})

test('comments are found by the name of what they stand above', () => {
  const source = [
    'export const T = {',
    '  /** One. */',
    "  a: 'x',",
    '  /**',
    '   * Two',
    '   * lines.',
    '   */',
    '  b: 1,',
    "  bare: 'y',",
    '} as const',
    'export const U = {',
    '  /** Other. */',
    '  c: 1,',
    '}',
  ].join('\n')
  expect([...docComments(source, 'T')]).toEqual([
    ['a', 'One.'],
    ['b', 'Two lines.'],
  ])
  expect(() => docComments(source, 'V')).toThrow('V')
})
