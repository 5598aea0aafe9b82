/** What is in each image: its program, who runs it, and how large it may be. The Dockerfiles say the same for docker. */
import {
  CONTROLLER_NODE_FLAGS,
  PROXY_NODE_FLAGS,
  PROXY_UID,
  WEBHOOK_ENV,
  WEBHOOK_NODE_FLAGS,
} from '../../core/names.ts'

/** As distroless images have it: a user without rights. */
const NOBODY_UID = 65532

const MB = 1_000_000

export interface Recipe {
  /** Files and folders of the repository → their paths in the image. A folder comes with all that is in it. */
  files: Readonly<Record<string, string>>
  /** The first file that is run. */
  program: string
  nodeFlags: readonly string[]
  /** Variables besides `IMAGE_ENV`. */
  env: Readonly<Record<string, string>>
  uid: number
  /** True where the image has the iptables programs of both back-ends. */
  iptables: boolean
  /** True where it has the native package that only the proxy needs. */
  koffi: boolean
  /** Most bytes of all layers, compressed. */
  budgetBytes: number
}

const PLAIN = { nodeFlags: [], env: {}, uid: NOBODY_UID, iptables: false, koffi: false } as const

/** Node takes 50 MB of each, in layers that all of them share; the rest is the program, with room to grow. */
export const RECIPES = {
  webhook: {
    ...PLAIN,
    files: { 'dist/webhook.mjs': 'app/webhook.mjs' },
    program: 'app/webhook.mjs',
    nodeFlags: WEBHOOK_NODE_FLAGS,
    env: WEBHOOK_ENV,
    budgetBytes: 60 * MB,
  },
  controller: {
    ...PLAIN,
    files: { 'dist/controller.mjs': 'app/controller.mjs', 'dist/viewer': 'app/viewer' },
    program: 'app/controller.mjs',
    nodeFlags: CONTROLLER_NODE_FLAGS,
    budgetBytes: 65 * MB,
  },
  proxy: {
    ...PLAIN,
    files: { 'dist/proxy.mjs': 'app/proxy.mjs' },
    program: 'app/proxy.mjs',
    nodeFlags: PROXY_NODE_FLAGS,
    uid: PROXY_UID,
    koffi: true,
    budgetBytes: 60 * MB,
  },
  'proxy-init': {
    ...PLAIN,
    files: { 'dist/proxy-init.mjs': 'app/proxy-init.mjs' },
    program: 'app/proxy-init.mjs',
    uid: 0,
    iptables: true,
    budgetBytes: 62 * MB,
  },
  prepull: {
    ...PLAIN,
    files: { 'dist/prepull.mjs': 'app/prepull.mjs' },
    program: 'app/prepull.mjs',
    budgetBytes: 56 * MB,
  },
  // The playground's sample app: the scenarios deploy it to real clusters.
  sample: {
    ...PLAIN,
    files: {
      'playground/sample/service.ts': 'app/service.ts',
      'playground/sample/page.ts': 'app/page.ts',
    },
    program: 'app/service.ts',
    uid: 1000,
    budgetBytes: 56 * MB,
  },
} as const satisfies Record<string, Recipe>

export type ImageName = keyof typeof RECIPES
export const IMAGE_NAMES = Object.keys(RECIPES) as ImageName[]

/** Where Node lies in every image, and is found by a bare `node`. */
export const NODE_PATH = 'usr/bin/node'

export function entrypointOf({ program, nodeFlags }: Recipe): string[] {
  return [`/${NODE_PATH}`, ...nodeFlags, `/${program}`]
}

/** The variables of every image. */
export const IMAGE_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_ENV: 'production' } as const

/** Files that every image has besides Node and its libraries. Names of users are for logs and people. */
export const SYSTEM_FILES: Readonly<Record<string, string>> = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/sbin/nologin',
    `azds-proxy:x:${PROXY_UID}:${PROXY_UID}:azds-proxy:/:/sbin/nologin`,
    `nonroot:x:${NOBODY_UID}:${NOBODY_UID}:nonroot:/:/sbin/nologin`,
    '',
  ].join('\n'),
  'etc/group': ['root:x:0:', `azds-proxy:x:${PROXY_UID}:`, `nonroot:x:${NOBODY_UID}:`, ''].join(
    '\n',
  ),
  'etc/nsswitch.conf': 'hosts: files dns\n',
}

/** Folders that runtimes mount over, and `/tmp`, which everybody may write to. */
export const SYSTEM_FOLDERS: Readonly<Record<string, number>> = {
  dev: 0o755,
  proc: 0o555,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
}

/** Programs by the names that proxy-init calls; links lead to the two that do the work. */
export const IPTABLES_PROGRAMS = ['nft', 'legacy'].flatMap((backend) =>
  ['iptables', 'ip6tables'].flatMap((family) =>
    ['save', 'restore'].map((action) => `usr/sbin/${family}-${backend}-${action}`),
  ),
)

/** Extensions that iptables loads as it reads a rule: of addresses and of both families, none of bridges or ARP. */
export const XTABLES = /^lib(xt|ipt|ip6t)_\w+\.so$/

/** Licences of what an image takes from its base; Debian keeps them here. */
export const LICENCE_FILES = ['libc6', 'libstdc++6', 'libgcc-s1'].map(
  (name) => `usr/share/doc/${name}/copyright`,
)
export const IPTABLES_LICENCE_FILES = [
  ...['iptables', 'libxtables12', 'libmnl0', 'libnftnl11'],
  ...['libip4tc2', 'libip6tc2', 'libnetfilter-conntrack3', 'libnfnetlink0'],
].map((name) => `usr/share/doc/${name}/copyright`)
