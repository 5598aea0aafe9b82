/** The options of `npm run images`. */
import { PLATFORMS, type Platform } from './assemble.ts'
import { IMAGE_NAMES, type ImageName } from './recipes.ts'

export interface ImageOptions {
  base: string
  out: string
  tag: string
  registry: string
  platform: Platform
  /** Path of a Node for the platform; null: that of the npm packages. */
  node: string | null
  only: ImageName[]
  docker: boolean
  noBuild: boolean
  help: boolean
  /** ISO time that the images name; 1970, or SOURCE_DATE_EPOCH. */
  created: string
}

export const HELP = `npm run images -- [options]
  --base PATH      root filesystem, a folder or an archive, from which libraries and iptables are taken (default: /)
  --out DIR        where the archives go (default: dist/images)
  --tag TAG        tag of the images (default: the version of package.json)
  --registry NAME  what stands before azds/<image>, such as registry.example.com/mirror
  --platform P     ${Object.keys(PLATFORMS).join(' or ')} (default: this machine's)
  --node FILE      Node for that platform (default: that of the npm packages)
  --only NAMES     ${IMAGE_NAMES.join(',')} (default: all)
  --no-build       take dist/ as it is
  --docker         run docker build with deploy/images/*/Dockerfile instead`

type Parsed = { ok: true; options: ImageOptions } | { ok: false; mistake: string }

const DEFAULT_PLATFORM: Platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64'

/** @param version tag where none is given */
export function parseImageOptions(
  args: readonly string[],
  version: string,
  epoch: string | undefined = process.env['SOURCE_DATE_EPOCH'],
): Parsed {
  const seconds = Number(epoch ?? 0)
  if (!Number.isSafeInteger(seconds)) {
    return { ok: false, mistake: `SOURCE_DATE_EPOCH is ${epoch}: it must be seconds since 1970` }
  }
  const created = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
  const options: ImageOptions = {
    ...{ base: '/', out: 'dist/images', tag: version, registry: '', platform: DEFAULT_PLATFORM },
    ...{ node: null, only: [...IMAGE_NAMES], docker: false, noBuild: false, help: false, created },
  }
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index] ?? ''
    const taken = FLAGS[name]?.(options)
    if (taken === true) continue
    const value = args[index + 1]
    const take = VALUES[name]
    if (!take) return { ok: false, mistake: `unknown option ${name}` }
    if (value === undefined) return { ok: false, mistake: `${name} needs a value` }
    const mistake = take(options, value)
    if (mistake !== null) return { ok: false, mistake: `${name} ${value}: ${mistake}` }
    index += 1
  }
  return { ok: true, options }
}

const FLAGS: Record<string, (options: ImageOptions) => true> = {
  '--docker': (options) => (options.docker = true),
  '--no-build': (options) => (options.noBuild = true),
  '--help': (options) => (options.help = true),
}

/** Each takes a value, or says what is wrong with it. */
const VALUES: Record<string, (options: ImageOptions, value: string) => string | null> = {
  '--base': (options, value) => set(options, { base: value }),
  '--out': (options, value) => set(options, { out: value }),
  '--node': (options, value) => set(options, { node: value }),
  '--tag': (options, value) =>
    /^\w[\w.-]{0,127}$/.test(value) ? set(options, { tag: value }) : 'not a tag',
  '--registry': (options, value) =>
    /^[a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?(\/[a-z0-9._/-]*[a-z0-9])?$/.test(value)
      ? set(options, { registry: value })
      : 'not a registry with an optional path',
  '--platform': (options, value) =>
    value in PLATFORMS
      ? set(options, { platform: value as Platform })
      : `one of ${Object.keys(PLATFORMS).join(', ')}`,
  '--only': (options, value) => {
    const names = value.split(',')
    const unknown = names.filter((name) => !(IMAGE_NAMES as string[]).includes(name))
    if (unknown.length > 0) return `there is no image ${unknown.join(', ')}`
    return set(options, { only: names as ImageName[] })
  },
}

function set(options: ImageOptions, change: Partial<ImageOptions>): null {
  Object.assign(options, change)
  return null
}
