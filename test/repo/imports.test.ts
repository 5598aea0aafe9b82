/** The borders between folders: programs never import each other, and meet in core and over HTTP. */
import { isBuiltin } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { BORDERS, type Border, borderOf } from './borders.ts'
import { exists, filesIn, isSource, ROOT, readText } from './repository.ts'

interface Edge {
  from: string
  /** Path from the root for a file of ours, else the name as it is imported. */
  to: string
  kind: 'ours' | 'package' | 'builtin'
  typeOnly: boolean
}

/** `@scope/name/deep` is package `@scope/name`. */
function packageOf(name: string): string {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/')
}

/** What is wrong with an edge; null if the table allows it. */
function faultOf(edge: Edge, border: Border): string | null {
  if (edge.kind === 'builtin') return border.browser ? 'a page has no Node' : null
  if (edge.kind === 'package') return packageFault(edge, border)
  const { to } = edge
  if (border.files?.includes(to)) return null
  if (border.types?.includes(to)) {
    return edge.typeOnly ? null : 'only its types may be imported: write `import type`'
  }
  const target = borderOf(to)?.folder
  if (target === border.folder || (target && border.ours.includes(target))) return null
  return `${border.folder}/ may import from ${[border.folder, ...border.ours].join(', ')} only`
}

function packageFault({ from, to, typeOnly }: Edge, border: Border): string | null {
  const file = border.packages[packageOf(to)]
  if (file === undefined) return `${border.folder}/ may not import this package`
  if (file === '*' || file === from || typeOnly) return null
  return `only ${file} may import this package`
}

function complaint(edge: Edge, fault: string): string {
  return `${edge.from} -> ${edge.to}: ${fault}. Move what is shared to core/, or change the row in test/repo/borders.ts and say why.`
}

const SOURCES = BORDERS.map(({ folder }) => folder)
  .filter((folder) => exists(folder) && !folder.includes('/'))
  .flatMap((folder) => filesIn(folder))
  .filter((path) => isSource(path) && !path.endsWith('.d.ts'))

/** Edges that are there at run time, as the bundler sees them. */
async function runTimeEdges(): Promise<Edge[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: SOURCES,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    write: false,
    outdir: 'unused',
    logLevel: 'silent',
  })
  return Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
    imports.map(({ path, external }): Edge => {
      const kind = external ? (isBuiltin(path) ? 'builtin' : 'package') : 'ours'
      return { from, to: path, kind, typeOnly: false }
    }),
  )
}

/** `import type … from '…'`: gone at run time, but a tie between two folders all the same. */
function typeEdges(): Edge[] {
  return SOURCES.flatMap((from) =>
    [...readText(from).matchAll(/^(?:import|export) type [^;]*? from '([^']+)'/gms)].map(
      ([, name = '']): Edge => {
        if (!name.startsWith('.')) {
          return { from, to: name, kind: isBuiltin(name) ? 'builtin' : 'package', typeOnly: true }
        }
        const to = relative(ROOT, resolve(join(ROOT, from, '..'), name))
        return { from, to, kind: 'ours', typeOnly: true }
      },
    ),
  )
}

test('no file imports across a border', async () => {
  const edges = [...(await runTimeEdges()), ...typeEdges()]
  expect(edges.length).toBeGreaterThan(100)
  const complaints = edges.flatMap((edge) => {
    const border = borderOf(edge.from)
    const fault = border && faultOf(edge, border)
    return fault ? [complaint(edge, fault)] : []
  })
  expect(complaints).toEqual([])
})

test('what the viewer takes from core needs no Node', async () => {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['viewer/main.tsx'],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    write: false,
    outdir: 'unused',
    logLevel: 'silent',
  })
  const complaints = Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
    imports
      .filter(({ path, external }) => external && packageOf(path) !== 'preact')
      .map(
        ({ path }) =>
          `${from} -> ${path}: a page has no Node; split ${from} so that the viewer takes the pure part`,
      ),
  )
  expect(complaints).toEqual([])
})

const edge = (from: string, to: string, change: Partial<Edge> = {}): Edge => ({
  from,
  to,
  kind: 'ours',
  typeOnly: false,
  ...change,
})

test.each([
  [edge('proxy/bad.ts', 'webhook/app.ts'), 'may import from proxy, core only'],
  [edge('proxy/bad.ts', 'core/kube/client.ts'), 'may import from proxy, core only'],
  [edge('proxy/bad.ts', 'webhook/app.ts', { typeOnly: true }), 'may import from proxy, core only'],
  [edge('core/bad.ts', 'cli/main.ts'), 'may import from core only'],
  [edge('core/bad.ts', 'core/kube/types.ts'), 'may import from core only'],
  [edge('webhook/inject/bad.ts', 'core/kube/types.ts'), 'write `import type`'],
  [
    edge('webhook/inject/bad.ts', 'webhook/app.ts'),
    'may import from webhook/inject, core, core/injection only',
  ],
  [edge('cli/bad.ts', 'webhook/app.ts'), 'may import from cli'],
  [edge('proxy/bad.ts', 'fastify', { kind: 'package' }), 'may not import this package'],
  [edge('core/bad.ts', 'fastify', { kind: 'package' }), 'may not import this package'],
  [edge('proxy/bad.ts', 'koffi', { kind: 'package' }), 'only proxy/koffi.ts may import'],
  [edge('viewer/bad.ts', 'node:fs', { kind: 'builtin' }), 'a page has no Node'],
])('a bad edge is named with what to do: %j', (bad, message) => {
  const border = borderOf(bad.from)
  expect(border && faultOf(bad, border)).toContain(message)
})

test.each([
  edge('cli/good.ts', 'webhook/inject/inject.ts'),
  edge('cli/good.ts', 'package.json'),
  edge('webhook/good.ts', 'core/kube/cache.ts'),
  edge('webhook/inject/good.ts', 'core/kube/types.ts', { typeOnly: true }),
  edge('viewer/good.tsx', 'preact/hooks', { kind: 'package' }),
  edge('proxy/good.ts', 'node:net', { kind: 'builtin' }),
])('a good edge is allowed: %j', (good) => {
  const border = borderOf(good.from)
  expect(border && faultOf(good, border)).toBeNull()
})
