/**
 * Pods that nobody would write: any field of the Kubernetes schema may be anywhere, with a value of its type.
 * One number makes one pod.
 */
import type { Pod } from '../../../core/kube/types.ts'
import { type FieldType, fieldsOf } from '../../../playground/apiserver/schema.ts'

type Random = () => number

/** Numbers from 0 to 1, always the same ones for a seed (mulberry32). */
function randomOf(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Few, so that things meet: a name twice, a port's name that a probe asks for. */
const NAMES = ['a', 'b', 'web', 'http', 'x1', 'y-2']
const PORTS = [80, 8080, 5432, 9000, 65_535]
const MOUNTS = ['/a', '/b', '/', '/var/run/secrets/kubernetes.io/serviceaccount']

const VALUES: Record<FieldType['is'], readonly unknown[]> = {
  string: [...NAMES, '', 'x'.repeat(70), 'ä/~1 "\\'],
  quantity: ['1', '100m', '64Mi', '0', '1e3'],
  integer: [...PORTS, 0, 1, 1337, -1],
  number: [0, 1.5],
  boolean: [true, false],
  intOrString: [...PORTS, ...NAMES],
  any: [{}, 'x', 1],
  list: [],
  map: [],
  struct: [],
}

/** Fields whose values mean something to us. */
const FIELDS: Record<string, readonly unknown[]> = {
  restartPolicy: ['Always', 'OnFailure', 'Never'],
  containerPort: PORTS,
  protocol: ['TCP', 'TCP', 'UDP'],
  runAsUser: [0, 1336, 1337, 1338, 1339],
  mountPath: MOUNTS,
  image: ['x:1', 'y'],
  hostNetwork: [false],
}

/** Always there; of others one in some is. */
const ALWAYS = ['metadata', 'spec', 'containers', 'name', 'image', 'containerPort', 'mountPath']
const OFTEN = [
  ...['initContainers', 'readinessProbe', 'livenessProbe', 'startupProbe', 'tcpSocket', 'port'],
  ...['ports', 'volumes', 'volumeMounts', 'securityContext', 'runAsUser', 'resources', 'labels'],
]

/** @param seed any whole number of 32 bits */
export function randomPod(seed: number): Pod {
  const random = randomOf(seed)
  const value = structOf('V1Pod', random, 0)
  return { ...value, apiVersion: 'v1', kind: 'Pod' } as unknown as Pod
}

function oneOf(values: readonly unknown[], random: Random): unknown {
  return values[Math.floor(random() * values.length)]
}

function structOf(name: string, random: Random, depth: number): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [field, type] of fieldsOf(name)) {
    const share = ALWAYS.includes(field) ? 1 : OFTEN.includes(field) ? 0.6 : 0.25 / (depth + 1)
    if (random() >= share) continue
    // Null is what empty values of templates leave, and is not there for an API server.
    const isNull = !ALWAYS.includes(field) && random() < 0.05
    const known = type.is === 'struct' ? undefined : FIELDS[field]
    found[field] = isNull ? null : known ? oneOf(known, random) : drawn(type, random, depth + 1)
  }
  return found
}

function drawn(type: FieldType, random: Random, depth: number): unknown {
  if (type.is === 'struct') return depth > 7 ? {} : structOf(type.name, random, depth)
  if (type.is === 'list') {
    const count = 1 + Math.floor(random() * (depth < 4 ? 3 : 1.5))
    return Array.from({ length: count }, () => drawn(type.element, random, depth))
  }
  if (type.is !== 'map') return oneOf(VALUES[type.is], random)
  const count = Math.floor(random() * 3)
  const key = () => String(oneOf(NAMES, random))
  return Object.fromEntries(
    Array.from({ length: count }, () => [key(), drawn(type.value, random, depth)]),
  )
}
