/** How much of the processors' time a virtual machine's host kept from it: what no program on it can answer for. */
import { readFileSync } from 'node:fs'

interface ProcessorTime {
  /** Ticks of all processors, whatever they did. */
  all: number
  /** Those in which there was work, and the host ran somebody else. */
  stolen: number
}

/** @param stat text of /proc/stat; see proc_stat(5) */
export function processorTimeOf(stat: string): ProcessorTime {
  const ticks = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number)
  // The two that follow are guests' time, which is in `user` and `nice` already.
  const own = ticks.slice(0, 8)
  return { all: own.reduce((sum, one) => sum + one, 0), stolen: ticks[7] ?? Number.NaN }
}

/** Starts to measure; what it returns tells the share so far, 0 to 1. */
export function stolenTime(read = () => readFileSync('/proc/stat', 'utf8')): () => number {
  const before = processorTimeOf(read())
  return () => {
    const now = processorTimeOf(read())
    return (now.stolen - before.stolen) / (now.all - before.all)
  }
}
