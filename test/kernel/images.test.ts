/** The images as others read and run them: skopeo, tar, and the kernel in a root that holds nothing but the image. */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { Assembly, PLATFORMS, type Platform } from '../../scripts/images/assemble.ts'
import { openBase } from '../../scripts/images/base-root.ts'
import { compress, type Layer, sha256 } from '../../scripts/images/layer.ts'
import { type Image, imageArchive } from '../../scripts/images/oci.ts'
import { IMAGE_NAMES, type ImageName, RECIPES } from '../../scripts/images/recipes.ts'
import { readTar } from '../../scripts/images/untar.ts'
import { describeKernel } from './requirements.ts'

const ROOT = join(import.meta.dirname, '../..')
const PLATFORM: Platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64'

/** Compressed once: the same archives come again. */
const compressed = new Map<string, Buffer>()

function assembly(base: string): Assembly {
  return new Assembly({
    compress: (archive) => {
      const digest = sha256(archive)
      const content = compressed.get(digest) ?? compress(archive)
      compressed.set(digest, content)
      return content
    },
    repository: ROOT,
    base: openBase(base),
    platform: PLATFORM,
    node: process.execPath,
    version: '1.2.3',
    created: '1970-01-01T00:00:00Z',
  })
}

function run(command: string, args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
  return { status, stdout, stderr }
}

describeKernel(
  'images without a daemon',
  () => {
    let folder: string
    const images = new Map<ImageName, Image>()
    const archives = new Map<ImageName, string>()

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'azds-images-'))
      const made = assembly('/')
      for (const name of IMAGE_NAMES) {
        const image = made.image(name)
        images.set(name, image)
        archives.set(name, join(folder, `${name}.oci.tar`))
        writeFileSync(archives.get(name) ?? '', imageArchive(image, `r.example/azds/${name}`, 'v1'))
      }
    })
    // Node is compressed once, in some 5 s.
    jest.setTimeout(120_000)
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    /** Unpacks an image's layers, one over the other, by real tar. */
    const unpacked = (name: ImageName): string => {
      const root = join(folder, `root-${name}`)
      if (existsSync(root)) return root
      const layers = images.get(name)?.layers ?? []
      const [own, ...below] = layers.toReversed()
      // The layers below the program's are those of all images, and as long as Node to unpack.
      const common = join(
        folder,
        `root-${sha256(Buffer.from(below.map(({ digest }) => digest).join()))}`,
      )
      if (!existsSync(common)) for (const layer of below.toReversed()) unpack(layer, common)
      expect(run('cp', ['-al', common, root])).toMatchObject({ status: 0, stderr: '' })
      unpack(own as Layer, root)
      return root
    }
    const unpack = ({ content }: Layer, root: string) => {
      mkdirSync(root, { recursive: true })
      const file = join(folder, 'layer')
      writeFileSync(file, content)
      expect(run('tar', ['-xpzf', file, '-C', root])).toMatchObject({ status: 0, stderr: '' })
    }
    const inRoot = (name: ImageName, uid: number, command: string[]) =>
      run('unshare', [
        ...['--net', 'chroot', `--userspec=${uid}:${uid}`, unpacked(name)],
        ...command,
      ])

    test.each(IMAGE_NAMES)('%s is within its budget', (name) => {
      const bytes = (images.get(name)?.layers ?? []).reduce(
        (sum, one) => sum + one.content.length,
        0,
      )
      expect(bytes).toBeGreaterThan(20_000_000)
      expect(bytes).toBeLessThanOrEqual(RECIPES[name].budgetBytes)
    })

    test('a node pulls Node and its libraries once: all images have these layers in common', () => {
      const digests = [...images.values()].map(({ layers }) => layers.map(({ digest }) => digest))
      expect(new Set(digests.map(([libraries]) => libraries)).size).toBe(1)
      expect(new Set(digests.map(([, node]) => node)).size).toBe(1)
      expect(new Set(digests.map(([, , own]) => own)).size).toBe(IMAGE_NAMES.length)
    })

    test.each(IMAGE_NAMES)(
      'every blob of %s has the digest and the size that it is named by',
      (name) => {
        const files = readTar(readFileSync(archives.get(name) ?? ''))
        const json = (path: string) => {
          const entry = files.get(path)
          if (entry?.kind !== 'file') throw new Error(`no ${path}`)
          return JSON.parse(Buffer.from(entry.content).toString())
        }
        const check = ({ digest, size }: { digest: string; size: number }) => {
          const entry = files.get(`blobs/${digest.replace(':', '/')}`)
          if (entry?.kind !== 'file') throw new Error(`no blob ${digest}`)
          expect([sha256(entry.content), entry.content.length]).toEqual([digest, size])
        }
        const [listed] = json('index.json').manifests
        check(listed)
        const manifest = json(`blobs/${listed.digest.replace(':', '/')}`)
        for (const blob of [manifest.config, ...manifest.layers]) check(blob)
        expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' })
        expect(listed.annotations).toEqual({
          'org.opencontainers.image.ref.name': 'v1',
          'io.containerd.image.name': `r.example/azds/${name}:v1`,
        })
      },
    )

    test.each(['oci-archive', 'docker-archive'])(
      'skopeo reads an %s, and copies it with its checks',
      (kind) => {
        const source = `${kind}:${archives.get('proxy')}${kind === 'oci-archive' ? ':v1' : ''}`
        const seen = run('skopeo', ['inspect', '--config', source])
        expect(seen).toMatchObject({ status: 0, stderr: '' })
        expect(JSON.parse(seen.stdout)).toMatchObject({
          architecture: PLATFORMS[PLATFORM].architecture,
          os: 'linux',
          config: {
            User: '1337:1337',
            Entrypoint: ['/usr/bin/node', '--expose-gc', '/app/proxy.mjs'],
          },
        })
        const target = join(folder, kind)
        expect(run('skopeo', ['copy', '--quiet', source, `dir:${target}`])).toMatchObject({
          status: 0,
        })
        const { layers } = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'))
        expect(layers).toHaveLength(3)
      },
    )

    test('a base out of an archive gives the same bytes as the folder that the archive was made of', () => {
      // What an image holds is all that images need: so its own root can be the base of the next.
      const archive = join(folder, 'base.tar')
      expect(run('tar', ['-cf', archive, '-C', unpacked('proxy-init'), '.'])).toMatchObject({
        status: 0,
      })
      const again = assembly(archive)
      for (const name of IMAGE_NAMES) {
        expect(again.image(name).manifest.digest).toBe(images.get(name)?.manifest.digest)
      }
    })

    test.each(IMAGE_NAMES)('%s has no shell and no file that others may write', (name) => {
      const root = unpacked(name)
      expect(run('find', [root, '-name', '*sh', '-type', 'f']).stdout).toBe('')
      expect(
        run('find', [root, '-perm', '/6022', '!', '-type', 'l', '!', '-path', `${root}/tmp`])
          .stdout,
      ).toBe('')
      expect(readdirSync(join(root, 'usr')).toSorted()).toEqual(
        expect.arrayContaining(['bin', 'lib']),
      )
      expect(readdirSync(join(root, 'usr/bin'))).toEqual(['node'])
    })

    test.each<[ImageName, number, string[], number, RegExp]>([
      ['proxy', 1337, [], 64, /AZDS_POD_NAME is not set/],
      ['proxy-init', 0, ['--help'], 0, /--dry-run/],
      ['prepull', 65532, [], 64, /copy DIR/],
      ['prepull', 65532, ['copy', '/tmp'], 0, /\/tmp\/idle/],
    ])('%s starts as uid %d with %j in its own root', (name, uid, args, status, says) => {
      const config = JSON.parse(images.get(name)?.config.content.toString() ?? '').config
      expect(config.User).toBe(`${uid}:${uid}`)
      const result = inRoot(name, uid, [...config.Entrypoint, ...args])
      expect(result).toMatchObject({ status })
      expect(result.stdout + result.stderr).toMatch(says)
    })

    test.each(['webhook', 'controller'] as const)(
      '%s starts in its own root, and refuses a wrong setting',
      (name) => {
        const command = ['/usr/bin/node', `/app/${name}.mjs`]
        const shell = { AZDS_LOG_LEVEL: 'no-such-level', PATH: process.env['PATH'] }
        const args = ['chroot', '--userspec=65532:65532', unpacked(name), ...command]
        const { status, stdout, stderr } = spawnSync('unshare', ['--net', ...args], {
          encoding: 'utf8',
          env: shell,
        })
        expect([status, stdout + stderr]).toEqual([64, expect.stringMatching(/AZDS_LOG_LEVEL/)])
      },
    )

    test('the proxy’s native package is there, with the libraries that it needs', () => {
      const script = `
        const koffi = require('node:module').createRequire('/app/proxy.mjs')('koffi')
        console.log(koffi.load('libc.so.6').func('int getpid()')() === process.pid)`
      const found = inRoot('proxy', 1337, ['/usr/bin/node', '-e', script])
      expect(found).toEqual({ status: 0, stdout: 'true\n', stderr: '' })
    })

    test.each(['nft', 'legacy'])(
      'proxy-init prepares a pod’s network with its own %s programs, and changes resolv.conf in place',
      (backend) => {
        const root = unpacked('proxy-init')
        // The kubelet mounts it there.
        const before = 'search alice.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\n'
        writeFileSync(join(root, 'etc/resolv.conf'), before)
        const script = `
          chroot ${root} /usr/bin/node /app/proxy-init.mjs >&2 &&
          chroot ${root} /usr/sbin/iptables-${backend}-save -t nat`
        const env = {
          ...{ PATH: process.env['PATH'], AZDS_IPTABLES_BACKEND: backend },
          AZDS_SPACE_CHAIN: 'alice,dev',
        }
        const args = ['--net', '--mount', 'sh', '-c', script]
        const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', env })
        expect({ status, stderr }).toMatchObject({ status: 0 })
        expect(stdout).toMatch(/-j REDIRECT --to-ports 15001/)
        const after = readFileSync(join(root, 'etc/resolv.conf'), 'utf8')
        expect(after).toContain('dev.svc.cluster.local')
      },
    )
  },
  { skopeo: 'skopeo', tar: 'tar', chroot: 'coreutils' },
)
