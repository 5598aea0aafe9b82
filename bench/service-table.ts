/** The routing table that the sidecars get: a real one in form and size, with the backend in it. */
import type { FeedMessage, FeedService } from '../core/routing-feed.ts'
import type { Space } from '../core/spaces.ts'

/** The space of the measured sidecar, a child space, so that every request of it has a context. */
export const SPACE = 'alice'
const ROOT_SPACE = 'dev'
const SPACES: Space[] = [
  { name: ROOT_SPACE, parent: null },
  { name: SPACE, parent: ROOT_SPACE },
  { name: 'bob', parent: ROOT_SPACE },
]
/** The space and its ancestors, as the webhook writes it. */
export const SPACE_CHAIN = `${SPACE},${ROOT_SPACE}`
/** The service that stands for the backend; only the root space has it. */
const SERVICE = 'web'
/** The address under which a gateway leads to the backend in the context of `SPACE`. */
export const PREVIEW_HOST = `${SPACE}.s.${ROOT_SPACE}.${SERVICE}.example.test`

/**
 * A table of `size` services: the backend at `ip`, and others of which every tenth has a version of
 * its own in a child space.
 */
export function serviceTable(size: number, ip: string, ports: readonly number[]): FeedMessage {
  const others = Array.from({ length: size - 1 }, (_, index) => otherService(index))
  return {
    type: 'snapshot',
    version: { epoch: 'bench', number: 1 },
    spaces: SPACES,
    services: [serviceOf(ROOT_SPACE, SERVICE, ip, ports), ...others],
    self: [],
  }
}

function otherService(index: number): FeedService {
  const inChild = index % 10 === 9
  // A child's version has the name of the root's that came before it.
  const name = `service-${inChild ? index - 1 : index}`
  const ip = `10.96.${Math.floor(index / 250)}.${(index % 250) + 1}`
  return serviceOf(inChild ? 'bob' : ROOT_SPACE, name, ip, [80])
}

function serviceOf(space: string, name: string, ip: string, ports: readonly number[]): FeedService {
  return {
    space,
    name,
    clusterIPs: [ip],
    ports: ports.map((port) => ({
      name: `p${port}`,
      port,
      appProtocol: '',
      ready: 1,
      endpoints: [],
    })),
  }
}
