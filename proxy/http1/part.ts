/** A part of a buffer, which shares its memory: the buffer itself where the part is all of it. */
export function partOf(buffer: Buffer, from: number, to: number): Buffer {
  return from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to)
}
