/** A cluster in memory under a real hub, and readers that keep what they get. */
import { FeedHub, type FeedSink } from '../../../controller/feed/hub.ts'
import { type Views, viewsOf } from '../../../controller/feed/views.ts'
import type { FeedMessage, FeedService, FeedVersion, SelfPort } from '../../../core/routing-feed.ts'
import type { Space } from '../../../core/spaces.ts'

export class World {
  readonly spaces = new Map<string, Space>([
    ['dev', { name: 'dev', parent: null }],
    ['ops', { name: 'ops', parent: null }],
  ])
  readonly services = new Map<string, FeedService>()
  self: SelfPort[] = []
  leaving = false
  finished = false
  #views: Views | null = null
  readonly hub = new FeedHub({
    source: {
      views: () => {
        this.#views ??= viewsOf(this.spaces, this.services)
        return this.#views
      },
      podState: () => ({ self: this.self, leaving: this.leaving, finished: this.finished }),
      takeStale: () => ({ namespaces: new Set(['dev', 'ops']), pods: new Set() }),
    },
    epoch: 'e',
    now: () => performance.now(),
    onMessage: () => {},
    random: () => 0.5,
    clock: () => 1000,
  })

  change(edit: () => void): void {
    edit()
    this.#views = null
    this.hub.changed()
  }

  addService(space: string, name: string): void {
    const service: FeedService = { space, name, clusterIPs: [], ports: [] }
    this.change(() => this.services.set(`${space}/${name}`, service))
  }
}

/** A reader that keeps what it gets, and can be told to fall behind. */
export class Reader implements FeedSink {
  readonly messages: FeedMessage[] = []
  keepsUp = true
  ended = false
  isCut = false

  bytes = 0
  #text = ''

  write(bytes: Buffer): boolean {
    this.bytes += bytes.length
    const lines = (this.#text + bytes.toString()).split('\n')
    this.#text = lines.pop() ?? ''
    this.messages.push(...lines.map((line) => JSON.parse(line)))
    return this.keepsUp
  }

  get versions(): FeedVersion[] {
    return this.messages.flatMap((message) => ('version' in message ? [message.version] : []))
  }

  end(): void {
    this.ended = true
  }

  cut(): void {
    this.isCut = true
  }

  get types(): string[] {
    return this.messages.map((message) => message.type)
  }
}
