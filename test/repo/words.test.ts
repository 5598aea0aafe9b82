/** The repository speaks of the project alone, in files named by their subject. */
import { basename } from 'node:path'
import { expect, test } from '@jest/globals'
import { filesIn, isSource, readText } from './repository.ts'

/** Names that say nothing about what is inside. */
const EMPTY_NAME = /^(utils?|helpers?|common|types|misc|shared|lib)$/
/** The wire types of Kubernetes are one subject, and that is their usual name. */
const ALLOWED = ['core/kube/types.ts']

test('no file or folder of sources is a grab bag', () => {
  const bags = filesIn()
    .filter((path) => isSource(path) && !ALLOWED.includes(path))
    .filter((path) => path.split('/').some((part) => EMPTY_NAME.test(part.replace(/\.\w+$/, ''))))
    .map((path) => `${path}: name it by its subject`)
  expect(bags).toEqual([])
})

/** Paths of one person's machine. A URL or an API path may hold such a word further in. */
const MACHINE_PATH = /(?:^|[\s"'`(=])\/(?:work|root|home|Users)\/[\w.-]/

test('no file names a path of somebody’s own machine', () => {
  const found = filesIn()
    .filter((path) => !/\.(png|jpg|ico|woff2?)$/.test(path) && path !== 'package-lock.json')
    .flatMap((path) =>
      readText(path)
        .split('\n')
        .flatMap((line, index) =>
          MACHINE_PATH.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 80)}`] : [],
        ),
    )
  expect(found).toEqual([])
})

/** Programs take the outside world as a parameter; only these touch the process itself. */
const TOUCHES_PROCESS = [
  // A child gets our environment and what is added to it.
  'core/exec.ts',
]
const PROGRAMS = /^(core|webhook|proxy|proxy-init|prepull|controller|cli)\//

test('programs read the environment and end the process in main.ts only', () => {
  const found = filesIn()
    .filter((path) => PROGRAMS.test(path) && isSource(path))
    .filter((path) => basename(path) !== 'main.ts' && !TOUCHES_PROCESS.includes(path))
    .filter((path) => /\bprocess\.(env|exit|exitCode)\b/.test(withoutComments(readText(path))))
    .map((path) => `${path}: take it as a parameter from main.ts`)
  expect(found).toEqual([])
})

test('every source file begins with a comment that says what it owns', () => {
  const bare = filesIn()
    // A test file's name and its tests' names say it already.
    .filter((path) => isSource(path) && !path.endsWith('.test.ts'))
    .filter((path) => !/^(#!.*\n)?(\/\*\*?|\/\/)/.test(readText(path)))
    .map((path) => `${path}: its first line should say what it owns`)
  expect(bare).toEqual([])
})

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}
