/** deploy/manifests is what helm renders of the chart. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { exec } from '../../core/exec.ts'
import { renderManifests, staleManifests } from '../../scripts/manifests.ts'
import { MANIFESTS, manifests } from './manifests-fixture.ts'

test('deploy/manifests is what the chart gives (else run `npm run manifests`)', async () => {
  expect(staleManifests(await renderManifests(exec), MANIFESTS)).toEqual([])
}, 60_000)

test('a file that differs, one that lacks and one too many are all stale', () => {
  const wanted = new Map([
    ['00-namespace.yaml', 'another text'],
    ['99-new.yaml', ''],
  ])
  const stale = staleManifests(wanted, MANIFESTS)
  expect(stale).toEqual(
    expect.arrayContaining(['00-namespace.yaml', '99-new.yaml', '10-webhook.yaml']),
  )
})

test('nothing in them says that helm manages it', () => {
  const managers = manifests.map(
    ({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'],
  )
  expect(new Set(managers)).toEqual(new Set(['kubectl']))
})

test('no line of them ends in blanks', () => {
  const lines = readdirSync(MANIFESTS).flatMap((name) =>
    readFileSync(join(MANIFESTS, name), 'utf8')
      .split('\n')
      .map((line, at) => `${name}:${at + 1} ${line}`),
  )
  expect(lines.length).toBeGreaterThan(100)
  expect(lines.filter((line) => /:\d+ (.*\S)?\s+$/.test(line))).toEqual([])
})
