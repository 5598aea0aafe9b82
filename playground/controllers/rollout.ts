/** How far a rolling update may go at each step: pure arithmetic on replica counts. */

/** One ReplicaSet as the arithmetic sees it. */
export interface SetCount {
  name: string
  /** Pods asked for. */
  desired: number
  /** Pods that are available. */
  available: number
}

export interface Limits {
  /** Pods beyond the desired number that may exist during an update. */
  maxSurge: number
  /** Pods short of the desired number that may be unavailable during an update. */
  maxUnavailable: number
}

/** A count or a percentage of the replicas. */
function amount(
  value: number | string | undefined,
  replicas: number,
  round: (n: number) => number,
) {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value ?? '')?.[1]
  return percent === undefined ? 0 : round((Number(percent) * replicas) / 100)
}

/** Surge rounds up, unavailability rounds down; both 0 would never get anywhere. */
export function limitsOf(
  rolling: { maxSurge?: number | string; maxUnavailable?: number | string } = {},
  replicas: number,
): Limits {
  const maxSurge = amount(rolling.maxSurge, replicas, Math.ceil)
  const maxUnavailable = amount(rolling.maxUnavailable, replicas, Math.floor)
  return { maxSurge, maxUnavailable: maxSurge + maxUnavailable === 0 ? 1 : maxUnavailable }
}

/** Replicas that the new set may have now. */
export function nextNewSize(
  replicas: number,
  current: SetCount,
  old: readonly SetCount[],
  { maxSurge }: Limits,
): number {
  if (current.desired >= replicas) return replicas
  const total = sum([current, ...old], 'desired')
  const room = Math.max(0, replicas + maxSurge - total)
  return Math.min(replicas, current.desired + room)
}

/**
 * Replicas that each old set may have now, by name. Pods that serve nobody go first; then as many
 * of the others as leave enough available.
 */
export function nextOldSizes(
  replicas: number,
  current: SetCount,
  old: readonly SetCount[],
  { maxUnavailable }: Limits,
): Map<string, number> {
  const sizes = new Map(old.map(({ name, desired }) => [name, desired]))
  const minAvailable = replicas - maxUnavailable
  const newUnavailable = Math.max(0, current.desired - current.available)
  const total = sum([current, ...old], 'desired')
  let removable = Math.max(0, total - minAvailable - newUnavailable)
  const take = (set: SetCount, count: number) => {
    const taken = Math.min(count, removable)
    sizes.set(set.name, (sizes.get(set.name) ?? 0) - taken)
    removable -= taken
  }
  for (const set of old) take(set, Math.max(0, set.desired - set.available))
  const spare = Math.max(0, sum([current, ...old], 'available') - minAvailable)
  removable = Math.min(removable, spare)
  for (const set of old) take(set, sizes.get(set.name) ?? 0)
  return sizes
}

function sum(sets: readonly SetCount[], field: 'desired' | 'available'): number {
  return sets.reduce((total, set) => total + set[field], 0)
}
