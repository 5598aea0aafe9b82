/**
 * `npm run images`: builds dist/ and then all images as OCI archives, out of a base root filesystem; with `--docker` by
 * `docker build`. Prints a table of sizes, and fails if an image is over its budget.
 */
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { exec } from '../../core/exec.ts'
import { buildAll } from '../build.ts'
import { Assembly, PLATFORMS } from './assemble.ts'
import { openBase } from './base-root.ts'
import { dockerBuild } from './docker.ts'
import { type Image, imageArchive } from './oci.ts'
import { HELP, type ImageOptions, parseImageOptions } from './options.ts'
import { type ImageName, RECIPES } from './recipes.ts'

const ROOT = join(import.meta.dirname, '../..')
const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
}

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseImageOptions(args, VERSION)
  if (!parsed.ok) {
    console.error(`${parsed.mistake}\n\n${HELP}`)
    return 64
  }
  const { options } = parsed
  if (options.help) {
    console.log(HELP)
    return 0
  }
  try {
    if (!options.noBuild) await buildAll()
    return options.docker ? await byDocker(options) : toArchives(options)
  } catch (error) {
    console.error((error as Error).message)
    return 1
  }
}

async function byDocker(options: ImageOptions): Promise<number> {
  for (const name of options.only) {
    console.log(`docker build ${repositoryOf(options, name)}:${options.tag}`)
    await dockerBuild(exec, {
      repository: ROOT,
      name,
      image: `${repositoryOf(options, name)}:${options.tag}`,
    })
  }
  return 0
}

function toArchives(options: ImageOptions): number {
  const { npm, architecture } = PLATFORMS[options.platform]
  const node = options.node ?? join(ROOT, `node_modules/node-linux-${npm}/bin/node`)
  const assembly = new Assembly({
    repository: ROOT,
    base: openBase(resolve(options.base)),
    platform: options.platform,
    node: realpathSync(node),
    version: VERSION,
    created: options.created,
  })
  mkdirSync(options.out, { recursive: true })
  let isOver = false
  console.log('image        of its own MB  in all MB  budget MB  file')
  for (const name of options.only) {
    const image = assembly.image(name)
    const file = join(options.out, `azds-${name}-${options.tag}-${architecture}.oci.tar`)
    writeFileSync(file, imageArchive(image, repositoryOf(options, name), options.tag))
    console.log(row(name, image, file))
    isOver ||= bytesOf(image) > RECIPES[name].budgetBytes
  }
  if (!isOver) return 0
  console.error(
    'an image is over its budget: see what grew, or raise it in scripts/images/recipes.ts and say why',
  )
  return 1
}

function repositoryOf({ registry }: ImageOptions, name: ImageName): string {
  return `${registry === '' ? '' : `${registry}/`}azds/${name}`
}

function bytesOf({ layers }: Image): number {
  return layers.reduce((sum, { content }) => sum + content.length, 0)
}

function row(name: ImageName, image: Image, file: string): string {
  const own = image.layers.at(-1)?.content.length ?? 0
  const cells = [own, bytesOf(image), RECIPES[name].budgetBytes]
  const [first = '', ...rest] = cells.map((bytes) => (bytes / 1e6).toFixed(1))
  const numbers = [first.padStart(13), ...rest.map((text) => text.padStart(9))]
  return `${name.padEnd(12)} ${numbers.join('  ')}  ${file}`
}
