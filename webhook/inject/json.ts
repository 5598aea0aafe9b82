/** Narrowing of parsed JSON. */

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text as a JSON object; null if it is anything else. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/**
 * A deep copy of parsed JSON. Every admission makes one or more, and `structuredClone`, which has to be ready for cycles
 * and for any class, takes five times as long.
 */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf) as T
  // Spread first: so a key `__proto__`, which JSON may hold, is set as the property that it is.
  const copy = { ...value } as Record<string, unknown>
  for (const key of Object.keys(copy)) {
    const inner = copy[key]
    if (typeof inner === 'object') copy[key] = copyOf(inner)
  }
  return copy as T
}
