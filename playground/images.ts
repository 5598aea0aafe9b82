/**
 * What an image name stands for in the playground: a program of this repository, run by its own Node, or
 * the machine's shell. There is no registry: a name that is not here gives ErrImagePull, as a wrong
 * name does on a real cluster.
 */
import {
  CONTROLLER_NODE_FLAGS,
  PROXY_NODE_FLAGS,
  PROXY_UID,
  WEBHOOK_ENV,
  WEBHOOK_NODE_FLAGS,
} from '../core/names.ts'

/** Where the repository is seen, read-only, inside every container. */
export const REPO_MOUNT = '/run/azds/app'

export interface ImageProgram {
  entrypoint: readonly string[]
  cmd: readonly string[]
  env: Readonly<Record<string, string>>
  /** The uid that the image names; a pod's securityContext overrides it. */
  user: number
  /** Links in the container's root: path → target. */
  links: Readonly<Record<string, string>>
}

interface ImageRule {
  /** Matches the name without registry and tag; its first group may name the program. */
  name: RegExp
  program(found: { name: string; tag: string }): ImageProgram
}

/** Uid of programs that need no rights, as distroless images have it. */
const NOBODY = 65532

const RULES: readonly ImageRule[] = [
  { name: /^azds\/(proxy)$/, program: ({ name }) => bundle(name, PROXY_UID, PROXY_NODE_FLAGS) },
  { name: /^azds\/(proxy-init)$/, program: ({ name }) => bundle(name, 0) },
  {
    name: /^azds\/(webhook)$/,
    program: ({ name }) => bundle(name, NOBODY, WEBHOOK_NODE_FLAGS, WEBHOOK_ENV),
  },
  {
    name: /^azds\/(controller)$/,
    program: ({ name }) => bundle(name, NOBODY, CONTROLLER_NODE_FLAGS),
  },
  { name: /^azds\/(prepull)$/, program: ({ name }) => bundle(name, NOBODY) },
  {
    // As its image has it: the pod says which service it plays.
    name: /^azds\/(sample)$/,
    program: () => ({
      entrypoint: ['node', `${REPO_MOUNT}/playground/sample/service.ts`],
      cmd: [],
      env: {},
      user: 1000,
      links: {},
    }),
  },
  {
    name: /^azds-sample\/([a-z][a-z0-9-]*)$/,
    program: ({ name, tag }) => ({
      entrypoint: ['node', `${REPO_MOUNT}/playground/sample/service.ts`],
      cmd: [],
      env: { SERVICE: name, VERSION: tag },
      user: 1000,
      links: {},
    }),
  },
  {
    // The machine's own userland, for trying things out: `kubectl run -it`-like pods and tests.
    name: /^playground\/(shell)$/,
    program: () => ({ entrypoint: [], cmd: ['sh'], env: {}, user: 0, links: {} }),
  },
]

/** The program of an image; null for a name that the playground does not have. */
export function programOf(image: string): ImageProgram | null {
  const parts = /^(?:docker\.io\/)?([a-z0-9._/-]+?)(?::([\w.-]+))?(?:@sha256:[0-9a-f]{64})?$/.exec(
    image,
  )
  if (!parts) return null
  const [, path = '', tag = 'latest'] = parts
  for (const rule of RULES) {
    const found = rule.name.exec(path)
    if (found) return rule.program({ name: found[1] ?? '', tag })
  }
  return null
}

/** An image of ours: the bundle in /app, and beside it the packages that a bundle leaves outside. */
function bundle(
  name: string,
  user: number,
  flags: readonly string[] = [],
  env: ImageProgram['env'] = {},
): ImageProgram {
  return {
    entrypoint: ['node', ...flags, `/app/${name}.mjs`],
    cmd: [],
    env: { NODE_ENV: 'production', ...env },
    user,
    links: { '/app': `${REPO_MOUNT}/dist`, '/node_modules': `${REPO_MOUNT}/node_modules` },
  }
}
