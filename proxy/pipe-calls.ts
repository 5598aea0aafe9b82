/** The system calls that pass bytes from a socket through a pipe to another one, without a copy. */
import { loadKoffi } from './koffi.ts'

/** What comes back is 0 or more, or a negative errno. */
export interface PipeCalls {
  /** splice(2), which never blocks: how many bytes it moved, 0 at the end of what it reads. */
  splice(from: number, to: number, most: number): number
  /** Opens a pipe that never blocks: both its descriptors, or a negative errno. */
  open(): readonly [reader: number, writer: number] | number
  /** Asks for room for so many bytes, and says how much there is. */
  resize(pipe: number, bytes: number): number
}

const SPLICE_F_MOVE = 1
const SPLICE_F_NONBLOCK = 2
const O_NONBLOCK = 0o4_000
const O_CLOEXEC = 0o2_000_000
const F_SETPIPE_SZ = 1031

/** @throws Error where koffi, or a function, is missing */
export function loadPipeCalls(): PipeCalls {
  const koffi = loadKoffi()
  const program = koffi.load(null)
  const splice = program.func(
    'int64_t splice(int from, void *at, int to, void *atTo, size_t most, uint32_t flags)',
  )
  const pipe2 = program.func('int pipe2(_Out_ int *ends, int flags)')
  const fcntl = program.func('int fcntl(int fd, int command, int argument)')
  const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK
  const outcome = (value: number) => (value < 0 ? -koffi.errno() : value)
  return {
    splice: (from, to, most) => outcome(splice(from, null, to, null, most, flags) as number),
    open: () => {
      const ends = [-1, -1] as [number, number]
      const value = outcome(pipe2(ends, O_NONBLOCK | O_CLOEXEC) as number)
      return value < 0 ? value : ends
    },
    resize: (pipe, bytes) => outcome(fcntl(pipe, F_SETPIPE_SZ, bytes) as number),
  }
}
