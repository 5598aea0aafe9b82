/** The spaces and their services, for choosing from. */
import { useEffect, useState } from 'preact/hooks'
import type { SpaceSummary } from '../core/controller-api.ts'
import { fetchSpaces } from './controller-client.ts'

/** Spaces come and go by the minute at most (ms). */
const AGAIN_MS = 10_000

/** Null while they are not known. */
export function useSpaces(): SpaceSummary[] | null {
  const [spaces, setSpaces] = useState<SpaceSummary[] | null>(null)
  useEffect(() => {
    const stopped = new AbortController()
    const load = () => fetchSpaces(stopped.signal).then(setSpaces, () => {})
    void load()
    const timer = setInterval(load, AGAIN_MS)
    return () => {
      stopped.abort()
      clearInterval(timer)
    }
  }, [])
  return spaces
}
