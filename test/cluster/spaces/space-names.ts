/**
 * Namespaces of scenarios on somebody's own cluster: `dev` stands for `azds-e2e-x1-dev` in all that goes there, and for
 * nothing else in what comes back. In the playground, where the prefix is empty, names stay as they are.
 */
import type { KubeObject } from '../../../core/kube/types.ts'
import { LABEL } from '../../../core/names.ts'

export class SpaceNames {
  readonly #prefix: string
  readonly #sampleImage: string | null
  readonly #known = new Set<string>()

  /** @param sampleImage what the images `azds-sample/<service>:<version>` are there; null: as they are */
  constructor(prefix: string, sampleImage: string | null) {
    this.#prefix = prefix
    this.#sampleImage = sampleImage
  }

  /** Real names of all namespaces that were made. */
  get made(): string[] {
    return [...this.#known].map((name) => this.real(name))
  }

  real(name: string): string {
    return `${this.#prefix}${name}`
  }

  /** Text that came from the cluster. */
  logical(text: string): string {
    return this.#prefix === '' ? text : text.replaceAll(this.#prefix, '')
  }

  /** Whether a text from the cluster is about the scenario's own namespaces. */
  concerns(text: string): boolean {
    return text.includes(this.#prefix)
  }

  /** Host names, URLs and values of headers: `alice.s.dev.web`, `azds-route-as=alice`. */
  inText(text: string): string {
    return text.replaceAll(/[a-z0-9]+(?:-[a-z0-9]+)*/g, (word) =>
      this.#known.has(word) ? this.real(word) : word,
    )
  }

  /** Headers whose values name spaces. */
  headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    const named = Object.entries(headers).map(([name, value]) => [name, this.inText(value)])
    return Object.fromEntries(named)
  }

  /** kubectl's arguments: what follows `-n`. */
  args(args: readonly string[]): string[] {
    return args.map((arg, index) => (args[index - 1] === '-n' ? this.real(arg) : arg))
  }

  /** A namespace that is made is known from now on. */
  object(object: KubeObject): KubeObject {
    const copy = structuredClone(object)
    const { metadata } = copy
    if (copy.kind === 'Namespace') {
      this.#known.add(metadata.name ?? '')
      metadata.name = this.real(metadata.name ?? '')
      const parent = metadata.labels?.[LABEL.parentSpace]
      if (metadata.labels && parent !== undefined) {
        metadata.labels[LABEL.parentSpace] = this.real(parent)
      }
    }
    if (metadata.namespace !== undefined) metadata.namespace = this.real(metadata.namespace)
    if (this.#sampleImage !== null) useImage(copy, this.#sampleImage)
    return copy
  }

  /** Objects in JSON, as kubectl reads them from its input. */
  input(documents: string): string {
    const objects = documents.split('\n---\n').map((text) => JSON.parse(text) as KubeObject)
    return objects.map((object) => JSON.stringify(this.object(object))).join('\n---\n')
  }
}

interface ContainerLike {
  image: string
  env?: { name: string; value?: string }[]
}

/** One image plays every service there; its environment says which, and in which version. */
function useImage(value: unknown, image: string): void {
  if (typeof value !== 'object' || value === null) return
  const container = value as Partial<ContainerLike>
  const named = /^azds-sample\/([a-z0-9-]+):(.+)$/.exec(container.image ?? '')
  if (named) {
    const [, service = '', version = ''] = named
    container.image = image
    container.env = [
      ...(container.env ?? []),
      { name: 'SERVICE', value: service },
      { name: 'VERSION', value: version },
    ]
  }
  for (const part of Object.values(value)) useImage(part, image)
}
