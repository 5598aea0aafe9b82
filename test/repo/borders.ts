/** Who may import whom: the table that ARCHITECTURE.md shows and imports.test.ts holds the code to. */

export interface Border {
  /** Folder whose files this row is about; the longest that fits a file counts. */
  folder: string
  /** Folders of ours that it may import from, besides itself. A folder stands for its own files, not for a deeper row's. */
  ours: readonly string[]
  /** Packages, each with the only file that may import it, or `*`. */
  packages: Readonly<Record<string, string>>
  /** Single files that it may import besides. */
  files?: readonly string[]
  /** Files of which it may import types only. */
  types?: readonly string[]
  /** True where nothing that is imported may need Node. */
  browser?: true
}

export const BORDERS: readonly Border[] = [
  { folder: 'core', ours: [], packages: { pino: 'core/control-log.ts' } },
  {
    folder: 'core/kube',
    ours: ['core'],
    packages: { '@kubernetes/client-node': 'core/kube/kubeconfig.ts' },
  },
  { folder: 'core/injection', ours: ['core'], packages: {}, types: ['core/kube/types.ts'] },
  {
    folder: 'core/authority',
    ours: ['core', 'core/kube'],
    packages: {
      '@peculiar/x509': 'core/authority/certificate.ts',
      'reflect-metadata': 'core/authority/certificate.ts',
    },
  },
  {
    folder: 'webhook/inject',
    ours: ['core', 'core/injection'],
    packages: { 'fast-json-patch': 'webhook/inject/patch.ts' },
    types: ['core/kube/types.ts'],
  },
  {
    folder: 'webhook',
    ours: ['webhook/inject', 'core', 'core/injection', 'core/authority', 'core/kube'],
    packages: { 'prom-client': 'webhook/metrics.ts' },
  },
  {
    folder: 'proxy',
    ours: ['core'],
    packages: { koffi: 'proxy/koffi.ts' },
    files: ['package.json'],
  },
  { folder: 'proxy-init', ours: ['core'], packages: {} },
  { folder: 'prepull', ours: ['core'], packages: {} },
  {
    folder: 'controller',
    ours: ['core', 'core/injection', 'core/authority', 'core/kube'],
    packages: {
      fastify: '*',
      '@fastify/static': 'controller/routes/viewer.ts',
      'prom-client': 'controller/metrics.ts',
    },
  },
  { folder: 'viewer', ours: ['core'], packages: { preact: '*' }, browser: true },
  {
    folder: 'cli',
    ours: ['core', 'core/injection', 'core/kube', 'webhook/inject'],
    packages: { yaml: '*' },
    files: ['package.json'],
  },
]

/** The row for a file: that of the deepest folder. Null for folders that may import anything. */
export function borderOf(path: string): Border | null {
  const rows = BORDERS.filter(({ folder }) => path.startsWith(`${folder}/`))
  return rows.toSorted((a, b) => b.folder.length - a.folder.length)[0] ?? null
}
