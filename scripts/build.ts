/**
 * Builds dist/: one self-contained file for each program, the viewer's static files, and the one
 * native package beside them. The images copy from here, and the playground runs what is here.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { readChart } from '../cli/chart/files.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
const KIB = 1024

/**
 * Each program and the largest size its file may have. The data-plane programs, which start in every
 * pod, are small and have no package in them that is CommonJS inside; azds is as big as the Kubernetes
 * client in it is.
 */
const PROGRAMS = {
  proxy: { entry: 'proxy/main.ts', budgetBytes: 512 * KIB, inPods: true },
  'proxy-init': { entry: 'proxy-init/main.ts', budgetBytes: 250 * KIB, inPods: true },
  prepull: { entry: 'prepull/main.ts', budgetBytes: 64 * KIB, inPods: true },
  webhook: { entry: 'webhook/main.ts', budgetBytes: 4 * KIB * KIB, inPods: false },
  controller: { entry: 'controller/main.ts', budgetBytes: 4 * KIB * KIB, inPods: false },
  azds: { entry: 'cli/main.ts', budgetBytes: 8 * KIB * KIB, inPods: false },
} as const

export type Program = keyof typeof PROGRAMS

/**
 * The client library for kubeconfigs, loaded by the webhook and the controller only where they are told one: in a
 * cluster never, and no image holds it. Inside of their bundles its text alone took 18 MB of memory.
 */
const KUBECONFIG = { entry: 'core/kube/kubeconfig.ts', file: 'kubeconfig.mjs' }

const LOADED_IF_NEEDED: Plugin = {
  name: 'loaded-if-needed',
  setup({ onResolve }) {
    onResolve({ filter: /\/kubeconfig\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: `./${KUBECONFIG.file}`, external: true } : null,
    )
  },
}

/** Packages with a native file cannot be bundled; they are copied to dist/node_modules. */
const NATIVE = ['koffi', '@koromix']

/**
 * The global `Buffer` is an accessor of Node's: each time it is named a function is called, even in compiled code.
 * In a bundle it is a constant.
 */
const BUFFER = join(import.meta.dirname, 'bundled-buffer.ts')

const SHARED: BuildOptions = {
  bundle: true,
  sourcemap: 'linked',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
}

/**
 * Takes Node's own modules without `import`, which reads all exports of a module, also those that are
 * made when they are first read: `node:http` then loads the whole of fetch and WebSocket, and `node:util`
 * worker threads. That was 14 MB and 40 ms of every start of a proxy. Lines stay where they are, for the source map.
 */
function withoutBuiltInImports(bundle: string): string {
  return bundle.replace(
    /^import (?:(?:\* as )?(\w+))?(?:, )?(\{[^}]*\})? from "(node:[\w/]+)";$/gm,
    (_, whole: string | undefined, named: string | undefined, path: string) => {
      const taken = `process.getBuiltinModule("${path}")`
      const parts = [whole, named?.replace(/(\w+) as (\w+)/g, '$1: $2')]
      const constants = parts.filter(Boolean).map((pattern) => `const ${pattern} = ${taken};`)
      return constants.join(' ')
    },
  )
}

/**
 * Some comments stay in a bundle, and a character in them that is not ASCII makes V8 keep its whole text in two
 * bytes each: 0.4 MB of every pod. In code esbuild has escaped them all.
 */
function inAscii(bundle: string): string {
  return bundle.replace(/\P{ASCII}/gu, '?')
}

/**
 * The Node that azds is built for and tested with. It is the only program that people start with a Node of their own,
 * and an older one would fail in the middle of a library.
 */
const AZDS_NODE = 24
const NODE_TOO_OLD = `azds needs Node ${AZDS_NODE} or later; this is `
const CHECK_NODE = `if (parseInt(process.versions.node) < ${AZDS_NODE}) { process.stderr.write('${NODE_TOO_OLD}' + process.version + '\\n'); process.exit(1); }`

/** Some packages are CommonJS inside and call require() for node: built-ins. */
function bannerOf(name: Program): string {
  const [start, check] = name === 'azds' ? ['#!/usr/bin/env node\n', `\n${CHECK_NODE}`] : ['', '']
  return `${start}import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);${check}`
}

/** azds has the chart inside, so that one file installs everything. */
function definesOf(name: Program): Record<string, string> {
  if (name !== 'azds') return {}
  return { __AZDS_CHART__: JSON.stringify(readChart(join(ROOT, 'deploy/chart'))) }
}

/** Builds one program into `outdir`; throws if it is over its budget. */
export async function buildProgram(name: Program, outdir: string): Promise<number> {
  const { entry, budgetBytes, inPods } = PROGRAMS[name]
  const outfile = join(outdir, `${name}.mjs`)
  await build({
    ...SHARED,
    entryPoints: [join(ROOT, entry)],
    outfile,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: NATIVE,
    banner: { js: inPods ? '' : bannerOf(name) },
    define: definesOf(name),
    inject: [BUFFER],
    plugins: [LOADED_IF_NEEDED],
  })
  // The webhook has 4 MB less by it.
  if (inPods || name === 'webhook') {
    writeFileSync(outfile, inAscii(withoutBuiltInImports(readFileSync(outfile, 'utf8'))))
  }
  if (name === 'azds') chmodSync(outfile, 0o755)
  const { size } = statSync(outfile)
  if (size > budgetBytes) {
    throw new Error(
      `${name}.mjs is ${kib(size)}, over its budget of ${kib(budgetBytes)}: see what grew with esbuild's --analyze, or raise the budget in scripts/build.ts and say why`,
    )
  }
  return size
}

/** Builds the client library that programs outside of a cluster load beside them. */
async function buildKubeconfig(outdir: string): Promise<void> {
  await build({
    ...SHARED,
    entryPoints: [join(ROOT, KUBECONFIG.entry)],
    outfile: join(outdir, KUBECONFIG.file),
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: bannerOf('controller') },
  })
}

/** Builds the viewer's page into `outdir`. */
export async function buildViewer(outdir: string): Promise<void> {
  await build({
    ...SHARED,
    entryPoints: [join(ROOT, 'viewer/main.tsx')],
    outfile: join(outdir, 'main.js'),
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
  })
  for (const file of ['index.html', 'style.css', 'trace.css'])
    cpSync(join(ROOT, 'viewer', file), join(outdir, file))
}

function copyNative(outdir: string): void {
  for (const name of NATIVE) {
    cpSync(join(ROOT, 'node_modules', name), join(outdir, 'node_modules', name), {
      recursive: true,
      // The package's C++ sources and documentation are of no use at run time.
      filter: (path) =>
        !/\/koffi\/(vendor|doc)(\/|$)/.test(path) && !/\.(c|cc|cpp|h|hh|asm|S|md)$/.test(path),
    })
  }
}

/** Builds everything; returns each file's size in bytes. */
export async function buildAll(outdir: string = DIST): Promise<Record<Program, number>> {
  mkdirSync(outdir, { recursive: true })
  for (const old of readdirSync(outdir)) rmSync(join(outdir, old), { recursive: true })
  const names = Object.keys(PROGRAMS) as Program[]
  const sizes = await Promise.all(names.map((name) => buildProgram(name, outdir)))
  await buildKubeconfig(outdir)
  await buildViewer(join(outdir, 'viewer'))
  copyNative(outdir)
  return Object.fromEntries(names.map((name, index) => [name, sizes[index]])) as Record<
    Program,
    number
  >
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / KIB)} KiB`
}

if (import.meta.main) {
  const sizes = await buildAll()
  const list = Object.entries(sizes).map(([name, size]) => `${name} ${kib(size)}`)
  console.log(`dist/: ${list.join(', ')}, viewer`)
}
