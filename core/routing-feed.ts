/**
 * What the controller streams to each sidecar: its tree's spaces and services, as one snapshot and
 * then deltas, one JSON object a line over `GET /v1/feed`.
 */
import type { Space } from './spaces.ts'

export interface FeedPort {
  /** The port's name in the Service; empty if it has none. */
  name: string
  /** The Service's port. */
  port: number
  /** `appProtocol` of the Service port, or empty. */
  appProtocol: string
  /** How many endpoints are ready behind this port. */
  ready: number
  /** Ready endpoints as `ip:port` (`[v6]:port`); filled only for headless Services. */
  endpoints: string[]
}

export interface FeedService {
  space: string
  name: string
  /** Cluster IPs of both families; empty for a headless Service. */
  clusterIPs: string[]
  ports: FeedPort[]
}

/** A Service port that selects the pod which the feed is for. */
export interface SelfPort {
  service: string
  port: number
  /** The port inside the pod, where inbound connections arrive. */
  targetPort: number
}

/** Identifies a table's state; it grows, and a new `epoch` starts it again (controller restarted). */
export interface FeedVersion {
  epoch: string
  number: number
}

/** What a message says of the one pod that the feed is for. */
export interface FeedPodState {
  /** True from when the pod is being deleted: no Service leads to it any more. */
  leaving?: boolean
  /** True once the pod's own containers are done for good, and only a sidecar of classic layout keeps it from ending. */
  finished?: boolean
}

export type FeedMessage =
  | ({
      type: 'snapshot'
      version: FeedVersion
      /** Of the spaces and services (`SetDigest`). */
      digest?: string
      spaces: Space[]
      services: FeedService[]
      self: SelfPort[]
    } & FeedPodState)
  | ({
      type: 'delta'
      version: FeedVersion
      /** Of all spaces and services, once this is applied. */
      digest?: string
      /** Spaces that are new or changed, and names of those gone. */
      spaces: { put: Space[]; remove: string[] }
      /** Services that are new or changed, whole, and `space/name` of those gone. */
      services: { put: FeedService[]; remove: string[] }
      /** The new list, if it changed. */
      self: SelfPort[] | null
    } & FeedPodState)
  /** First message to a reader whose table is up to date: only what is about its pod is said. */
  | ({
      type: 'resume'
      version: FeedVersion
      digest: string
      self: SelfPort[]
    } & FeedPodState)
  /** With how many feeds are open, by which readers spread their return if the controller is lost. */
  | { type: 'heartbeat'; version: FeedVersion; readers?: number }
  /** The last message: the controller ends in order, and is to be asked again after this time (ms). */
  | { type: 'bye'; afterMs: number }

/** A heartbeat comes at least this often (ms); a reader reconnects after three times as long. */
export const FEED_HEARTBEAT_MS = 10_000

/** Longest time (ms) over which readers spread their return. */
const SPREAD_MOST_MS = 60_000

/**
 * Over how long (ms) so many readers are to spread their return: a controller signs in and answers 200 a second
 * of them with half of a processor; few are not kept waiting.
 */
export function returnSpreadMs(readers: number): number {
  return Math.min(SPREAD_MOST_MS, 250 + 5 * readers)
}

/**
 * Query of `GET /v1/feed`. A sidecar names its namespace and pod and gets its own tree; the
 * gateway asks with `scope=all` and gets every tree, and no `self`.
 */
export interface FeedQuery {
  namespace?: string
  pod?: string
  scope?: 'tree' | 'all'
  /** Version of the table that the reader has: `<epoch>.<number>`. */
  since?: string
  /** Its digest. A controller that knows it sends `resume` or a delta in place of a snapshot. */
  digest?: string
}

/** Header of the feed's request: JSON of what a sidecar tells of itself. */
export const SIDECAR_HEADER = 'azds-sidecar'

export interface SidecarReport {
  /** Of the program. */
  version: string
  /** Search list of `/etc/resolv.conf`; null if it cannot be read. */
  search: string[] | null
  /** Whether the short name of a Service of an ancestor is found; null where none is to be looked up, or not yet. */
  parentLookup: { name: string; ok: boolean; message?: string } | null
}

/** `space/name`, the key of a service in deltas and tables. */
export function serviceKey(space: string, name: string): string {
  return `${space}/${name}`
}
