/** A dependency is a decision: exact, written down, allowed to be used, and locked. */
import { expect, test } from '@jest/globals'
import { readText } from './repository.ts'

type Versions = Record<string, string>
interface Project {
  dependencies: Versions
  devDependencies: Versions
  optionalDependencies: Versions
}
interface Locked {
  version?: string
  license?: string
  link?: boolean
}

const project = JSON.parse(readText('package.json')) as Project
const lock = JSON.parse(readText('package-lock.json')) as { packages: Record<string, Locked> }
const named: [string, string][] = Object.entries({
  ...project.dependencies,
  ...project.devDependencies,
  ...project.optionalDependencies,
})

/** Licences under which we may use and pass on what we bundle, or use what we only run. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'CC-BY-4.0',
  'MIT-0',
  'PSF-2.0',
  'Unlicense',
])

/** `(MIT OR GPL-3.0)` is allowed by one of its parts, `MIT AND ISC` by all. */
function isAllowed(licence: string): boolean {
  const bare = licence.replace(/^\(|\)$/g, '')
  if (bare.includes(' OR ')) return bare.split(' OR ').some(isAllowed)
  return bare.split(' AND ').every((part) => ALLOWED.has(part.trim()))
}

/** Rows of docs/dependencies.md as [package, version, why, licence, way out]. */
const rows = readText('docs/dependencies.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )

test.each(named)('%s has an exact version', (_, version) => {
  expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
})

test('docs/dependencies.md has a row for each package, with its version, and no other', () => {
  const written = rows.map(([name, version]) => `${name} ${version}`).sort()
  expect(written).toEqual(named.map(([name, version]) => `${name} ${version}`).sort())
})

test('each row tells why, under which licence, and how to leave', () => {
  for (const row of rows) {
    expect(row).toHaveLength(5)
    for (const cell of row) expect(cell).not.toBe('')
    expect(`${row[0]} ${lock.packages[`node_modules/${row[0]}`]?.license}`).toBe(
      `${row[0]} ${row[3]}`,
    )
  }
})

test('every package of the lockfile, however deep, has a licence that is allowed', () => {
  const refused = Object.entries(lock.packages)
    .filter(([path, { link }]) => path !== '' && !link)
    .filter(([, { license = 'none' }]) => !isAllowed(license))
    .map(([path, { license }]) => `${path}: ${license ?? 'no licence'}`)
  expect(refused).toEqual([])
})

test('the lockfile is in step with package.json', () => {
  const root = lock.packages[''] as unknown as Project
  expect(root.dependencies).toEqual(project.dependencies)
  expect(root.devDependencies).toEqual(project.devDependencies)
  expect(root.optionalDependencies).toEqual(project.optionalDependencies)
  for (const [name, version] of named) {
    expect(`${name} ${lock.packages[`node_modules/${name}`]?.version}`).toBe(`${name} ${version}`)
  }
})

test.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0-only)', true],
  ['MIT AND ISC', true],
  ['MIT AND GPL-3.0-only', false],
  ['GPL-3.0-only', false],
  ['none', false],
])('the licence %s is allowed: %s', (licence, allowed) => {
  expect(isAllowed(licence)).toBe(allowed)
})
