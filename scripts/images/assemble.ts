/** Makes images out of a base root filesystem, a Node and the bundles: no daemon, no registry, no network. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BaseRoot } from './base-root.ts'
import { Closure } from './closure.ts'
import { type Compress, type Layer, makeLayer } from './layer.ts'
import { type Image, makeImage } from './oci.ts'
import {
  entrypointOf,
  IMAGE_ENV,
  type ImageName,
  IPTABLES_LICENCE_FILES,
  IPTABLES_PROGRAMS,
  LICENCE_FILES,
  NODE_PATH,
  RECIPES,
  type Recipe,
  SYSTEM_FILES,
  SYSTEM_FOLDERS,
  XTABLES,
} from './recipes.ts'
import type { Entry } from './tar.ts'

/** Platforms that images are made for: how Linux, Debian and npm name each. */
export const PLATFORMS = {
  'linux/amd64': { architecture: 'amd64', machine: 62, triplet: 'x86_64-linux-gnu', npm: 'x64' },
  'linux/arm64': {
    architecture: 'arm64',
    machine: 183,
    triplet: 'aarch64-linux-gnu',
    npm: 'arm64',
  },
} as const
export type Platform = keyof typeof PLATFORMS

export interface Ingredients {
  /** Root of the repository, with `dist/` built. */
  repository: string
  base: BaseRoot
  platform: Platform
  /** Path of the Node program. */
  node: string
  /** Version of the images, and when they say they were made (ISO). */
  version: string
  created: string
  /** How layers are compressed; who makes the same ones again and again may keep what came of it. */
  compress?: Compress
}

/** The layers below every program, which a node pulls once, and the rest of an image on top of them. */
export class Assembly {
  readonly #from: Ingredients
  readonly #below: { layers: Layer[]; paths: Set<string> }

  /** @throws with what is lacking, and in which file of the base */
  constructor(from: Ingredients) {
    this.#from = from
    this.#below = sharedLayers(from)
  }

  image(name: ImageName): Image {
    const recipe: Recipe = RECIPES[name]
    const { platform, version, created } = this.#from
    const own = programEntries(recipe, this.#from).filter(
      ({ path }) => !this.#below.paths.has(path),
    )
    const top = makeLayer(`azds ${name} ${version}`, own, this.#from.compress)
    const layers = [...this.#below.layers, top]
    const config = {
      architecture: PLATFORMS[platform].architecture,
      user: `${recipe.uid}:${recipe.uid}`,
      entrypoint: entrypointOf(recipe),
      env: { ...IMAGE_ENV, ...recipe.env },
      labels: {
        'org.opencontainers.image.title': `azds ${name}`,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
      created,
    }
    return makeImage(config, layers)
  }
}

function sharedLayers(from: Ingredients): { layers: Layer[]; paths: Set<string> } {
  const closure = new Closure(from.base, PLATFORMS[from.platform])
  const content = readFileSync(from.node)
  closure.addProgram({ content, name: from.node, folder: 'usr/bin' })
  for (const path of LICENCE_FILES) closure.addIfThere(path)
  const system = [...closure.entries, ...systemEntries()]
  const node: Entry[] = [{ path: NODE_PATH, kind: 'file', mode: 0o755, content }]
  const licence = join(from.node, '../../LICENSE')
  if (existsSync(licence)) {
    const text = readFileSync(licence)
    node.push({ path: 'usr/share/doc/node/LICENSE', kind: 'file', mode: 0o644, content: text })
  }
  const { compress } = from
  return {
    layers: [
      makeLayer('libraries of the base', system, compress),
      makeLayer('node', node, compress),
    ],
    paths: new Set([...system, ...node].map(({ path }) => path)),
  }
}

function systemEntries(): Entry[] {
  const files = Object.entries(SYSTEM_FILES).map(
    ([path, text]): Entry => ({ path, kind: 'file', mode: 0o644, content: Buffer.from(text) }),
  )
  const folders = Object.entries(SYSTEM_FOLDERS).map(
    ([path, mode]): Entry => ({ path, kind: 'folder', mode }),
  )
  return [...files, ...folders, { path: 'var/run', kind: 'link', target: '/run' }]
}

function programEntries(recipe: Recipe, from: Ingredients): Entry[] {
  const closure = new Closure(from.base, PLATFORMS[from.platform])
  const own = Object.entries(recipe.files).flatMap(([source, path]) =>
    filesOf(join(from.repository, source), path),
  )
  if (recipe.iptables) addIptables(closure, from)
  if (!recipe.koffi) return [...own, ...closure.entries]
  const koffi = koffiEntries(from)
  for (const entry of koffi) {
    if (entry.kind !== 'file' || !entry.path.endsWith('.node')) continue
    closure.addProgram({ content: Buffer.from(entry.content), name: entry.path, folder: 'app' })
  }
  return [...own, ...koffi, ...closure.entries]
}

function addIptables(closure: Closure, { base, platform }: Ingredients): void {
  for (const path of IPTABLES_PROGRAMS) closure.addProgram({ path })
  const folders = [
    `usr/lib/${PLATFORMS[platform].triplet}/xtables`,
    'usr/lib64/xtables',
    'usr/lib/xtables',
  ]
  const folder = folders.find((path) => base.list(path).length > 0)
  if (folder === undefined) {
    throw new Error(`${base.name} has no extensions of iptables: looked in ${folders.join(', ')}`)
  }
  const extensions = base.list(folder).filter((name) => XTABLES.test(name))
  for (const name of extensions) closure.addProgram({ path: `${folder}/${name}` })
  for (const path of IPTABLES_LICENCE_FILES) closure.addIfThere(path)
}

/** The package's loader, its licence, and the native file of this platform alone. */
function koffiEntries({ repository, platform }: Ingredients): Entry[] {
  const { npm } = PLATFORMS[platform]
  const modules = join(repository, 'dist/node_modules')
  const native = `@koromix/koffi-linux-${npm}`
  if (!existsSync(join(modules, native, `linux_${npm}/koffi.node`))) {
    throw new Error(
      `dist/node_modules has no ${native}: run npm install --cpu ${npm} --os linux, then npm run build`,
    )
  }
  const wanted = (path: string) =>
    path.startsWith(`${native}/`)
      ? !path.includes('/musl_')
      : path.startsWith('koffi/') && /(\.c?js|package\.json|LICENSE\.txt)$/.test(path)
  return filesOf(modules, '')
    .filter(({ path }) => wanted(path))
    .map((entry) => ({
      ...entry,
      path: `app/node_modules/${entry.path}`,
    }))
}

/** A file, or all files in a folder; in the image all may read them, and nobody may write. */
function filesOf(source: string, path: string): Entry[] {
  const found = statSync(source, { throwIfNoEntry: false })
  if (!found) throw new Error(`there is no ${source}: run npm run build`)
  if (!found.isDirectory()) {
    return [{ path, kind: 'file', mode: 0o644, content: readFileSync(source) }]
  }
  return readdirSync(source)
    .filter((name) => !name.endsWith('.map'))
    .flatMap((name) => filesOf(join(source, name), path === '' ? name : `${path}/${name}`))
}
