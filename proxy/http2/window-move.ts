/** How a frame of SETTINGS moves the windows of streams (RFC 9113 6.9.2). Pure. */
import { SETTING, type SettingsEvent } from './frame.ts'

export interface WindowMove {
  /** What streams may be sent at first from now on, bytes. */
  size: number
  /** By how much that is more than before. */
  change: number
  /** The same for the largest size that the frame names: windows must not be too large in between either. */
  highest: number
}

/**
 * One move for a frame, however often it names the window: each time, all streams are gone through.
 * @param before what streams may be sent at first so far, bytes
 * @returns null where it names none
 */
export function windowMoveOf(
  settings: SettingsEvent['settings'],
  before: number,
): WindowMove | null {
  let highest = -1
  let size = -1
  for (const [id, value] of settings) {
    if (id !== SETTING.initialWindowSize) continue
    size = value
    highest = Math.max(highest, value)
  }
  return size < 0 ? null : { size, change: size - before, highest: highest - before }
}
