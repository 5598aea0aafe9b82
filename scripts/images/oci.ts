/**
 * An image as the OCI image format has it (github.com/opencontainers/image-spec): layers, config, manifest, index. The
 * archive is a layout (`image-layout.md`) that also carries Docker's own list, so that `docker load` takes it too.
 */
import { type Blob, type Layer, sha256 } from './layer.ts'
import { type Entry, writeTar } from './tar.ts'

export interface ImageConfig {
  architecture: 'amd64' | 'arm64'
  /** `uid:gid` */
  user: string
  entrypoint: readonly string[]
  env: Readonly<Record<string, string>>
  labels: Readonly<Record<string, string>>
  /** ISO time. */
  created: string
}

export interface Image {
  /** All of it: layers, config, manifest. */
  blobs: Blob[]
  manifest: Blob
  config: Blob
  layers: Layer[]
}

const TYPE = {
  config: 'application/vnd.oci.image.config.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
}

export function makeImage(wanted: ImageConfig, layers: readonly Layer[]): Image {
  const { architecture, created, user, entrypoint, env, labels } = wanted
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const config = jsonBlob(TYPE.config, {
    created,
    architecture,
    os: 'linux',
    config: {
      User: user,
      Env: variables,
      Entrypoint: entrypoint,
      WorkingDir: '/',
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ origin }) => ({ created, created_by: origin })),
  })
  const manifest = jsonBlob(TYPE.manifest, {
    schemaVersion: 2,
    mediaType: TYPE.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  })
  return { blobs: [...layers, config, manifest], manifest, config, layers: [...layers] }
}

function descriptor({ mediaType, digest, content }: Blob) {
  return { mediaType, digest, size: content.length }
}

function jsonBlob(mediaType: string, value: object): Blob {
  const content = Buffer.from(JSON.stringify(value))
  return { mediaType, digest: sha256(content), content }
}

/** `azds/proxy` → `docker.io/azds/proxy`: the names that container runtimes keep images by. */
export function fullName(repository: string): string {
  const [first = '', ...rest] = repository.split('/')
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  if (hasHost) return repository
  return rest.length > 0 ? `docker.io/${repository}` : `docker.io/library/${repository}`
}

/**
 * One image as one file: `ctr -n k8s.io images import`, `kind load image-archive`, k3s' folder agent/images,
 * `docker load` and `skopeo copy oci-archive:` take it.
 * @param repository without tag, with the registry if there is one
 */
export function imageArchive(image: Image, repository: string, tag: string): Buffer {
  const { manifest, config, layers } = image
  const annotations = {
    'org.opencontainers.image.ref.name': tag,
    'io.containerd.image.name': `${fullName(repository)}:${tag}`,
  }
  const { architecture } = JSON.parse(config.content.toString()) as ImageConfig
  const platform = { architecture, os: 'linux' }
  const index = {
    schemaVersion: 2,
    mediaType: TYPE.index,
    manifests: [{ ...descriptor(manifest), platform, annotations }],
  }
  const forDocker = [
    {
      Config: blobPath(config),
      RepoTags: [`${repository}:${tag}`],
      Layers: layers.map(blobPath),
    },
  ]
  const file = (path: string, content: Buffer): Entry => ({
    path,
    kind: 'file',
    mode: 0o644,
    content,
  })
  const json = (path: string, value: object) => file(path, Buffer.from(JSON.stringify(value)))
  return writeTar([
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    json('index.json', index),
    json('manifest.json', forDocker),
    ...image.blobs.map((blob) => file(blobPath(blob), blob.content)),
  ])
}

function blobPath({ digest }: Blob): string {
  return `blobs/${digest.replace(':', '/')}`
}
