/**
 * Memory for the bodies of reviews, divided among the addresses that they come from. Every pod of the cluster may be able
 * to post: a NetworkPolicy can only keep them out where the addresses of API servers are known.
 */
import { FairShare, type Share } from '../core/fair-share.ts'

/** A body's share. */
export interface BodyRoom {
  /** Counted in bytes; holds the body from its first byte until it is given back. */
  share: Share
  /** Resolves if another's body needs the room more. */
  lost: Promise<void>
}

export type RoomFor = (address: string) => BodyRoom

/**
 * Most memory of bodies (bytes), from their first byte until their answer: 1,000 usual reviews. With the connections,
 * and one body that is being parsed, it fits into what the container's limit leaves beside a large cluster.
 */
const BODIES_MEMORY = 32_000_000

export function roomForBodies(memory = BODIES_MEMORY): RoomFor {
  const bodies = new FairShare(memory)
  return (address) => {
    const { promise: lost, resolve } = Promise.withResolvers<void>()
    return { share: bodies.open(address, resolve), lost }
  }
}
