/** Puts the idle program where the other containers of the pod find it. */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ARCHITECTURES, type Architecture, idleProgram } from './idle-program.ts'

/** Name of the program in the shared folder; the chart's containers run it. */
export const IDLE_FILE = 'idle'

export type Copied = { ok: true; path: string } | { ok: false; problem: string }

/** @param architecture of the machine, as Node names it */
export async function copyIdle(folder: string, architecture: string): Promise<Copied> {
  if (!isKnown(architecture)) {
    return {
      ok: false,
      problem: `there is no idle program for ${architecture}: nodes of other machines than ${ARCHITECTURES.join(' and ')} need a node selector in the chart's prepull.nodeSelector`,
    }
  }
  const path = join(folder, IDLE_FILE)
  try {
    // Renamed into place: after a restart somebody may be running the one that is there.
    await writeFile(`${path}.new`, idleProgram(architecture), { mode: 0o555 })
    await rename(`${path}.new`, path)
    return { ok: true, path }
  } catch (error) {
    const { message } = error as Error
    return { ok: false, problem: `the idle program cannot be written to ${folder}: ${message}` }
  }
}

function isKnown(architecture: string): architecture is Architecture {
  return (ARCHITECTURES as readonly string[]).includes(architecture)
}
