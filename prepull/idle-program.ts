/**
 * A program that waits for SIGTERM or SIGINT and ends with 0, as the bytes of a static ELF file: the containers that hold
 * pulled images in use run it, whatever is or is not in those images. It takes one page of memory.
 *
 * As the first process of a container it would never get a signal that it neither handles nor blocks, so it blocks both
 * and takes them by rt_sigtimedwait(2). That call also ends where the process was stopped and went on: then it waits anew.
 */

/** As Node names them. */
export const ARCHITECTURES = ['x64', 'arm64'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

/** Signals 2 and 15, as a set of the kernel: bit n - 1 stands for signal n. */
const SIGNALS = (1n << 1n) | (1n << 14n)
const SET_BYTES = 8

interface Machine {
  /** `e_machine` of the ELF header. */
  elf: number
  /** Instructions; the set of signals follows them at once. */
  code: readonly number[]
  /** Largest page that Linux has on it, in bytes. */
  page: number
}

const MACHINES: Record<Architecture, Machine> = {
  x64: { elf: 62, code: amd64(), page: 4096 },
  arm64: { elf: 183, code: aarch64(), page: 65_536 },
}

/** rt_sigprocmask, rt_sigtimedwait and exit_group are 14, 128 and 231 here. */
function amd64(): number[] {
  const setAt = 64
  return [
    ...[0x48, 0x8d, 0x35, ...word(setAt - 7)], //    lea rsi, [rip + set]
    ...[0x31, 0xff], //                              xor edi, edi (SIG_BLOCK)
    ...[0x31, 0xd2], //                              xor edx, edx
    ...[0x41, 0xba, ...word(SET_BYTES)], //          mov r10d, 8
    ...[0xb8, ...word(14)], //                       mov eax, 14
    ...[0x0f, 0x05], //                              syscall
    ...[0x48, 0x8d, 0x3d, ...word(setAt - 31)], //   wait: lea rdi, [rip + set]
    ...[0x31, 0xf6], //                              xor esi, esi
    ...[0x31, 0xd2], //                              xor edx, edx
    ...[0x41, 0xba, ...word(SET_BYTES)], //          mov r10d, 8
    ...[0xb8, ...word(128)], //                      mov eax, 128
    ...[0x0f, 0x05], //                              syscall
    ...[0x85, 0xc0], //                              test eax, eax
    ...[0x78, 0xe4], //                              js wait (28 bytes back)
    ...[0x31, 0xff], //                              xor edi, edi
    ...[0xb8, ...word(231)], //                      mov eax, 231
    ...[0x0f, 0x05], //                              syscall
    ...[0x90, 0x90, 0x90], //                        nop, up to the set
  ]
}

/** rt_sigprocmask, rt_sigtimedwait and exit_group are 135, 137 and 94 here. */
function aarch64(): number[] {
  const setAt = 72
  const move = (register: number, value: number) => 0xd2800000 + value * 32 + register
  // The offset is counted from the instruction itself; its low two bits stand apart, and are 0.
  const address = (register: number, from: number) =>
    0x10000000 + ((setAt - from) / 4) * 32 + register
  const SVC = 0xd4000001
  const instructions = [
    address(1, 0), //     adr x1, set
    move(0, 0), //        mov x0, #0 (SIG_BLOCK)
    move(2, 0), //        mov x2, #0
    move(3, SET_BYTES), //mov x3, #8
    move(8, 135), //      mov x8, #135
    SVC,
    address(0, 24), //    wait: adr x0, set
    move(1, 0), //        mov x1, #0
    move(2, 0), //        mov x2, #0
    move(3, SET_BYTES), //mov x3, #8
    move(8, 137), //      mov x8, #137
    SVC,
    0xf100001f, //        cmp x0, #0
    0x54ffff2b, //        b.lt wait (7 instructions back)
    move(0, 0), //        mov x0, #0
    move(8, 94), //       mov x8, #94
    SVC,
    0xd503201f, //        nop, up to the set
  ]
  return instructions.flatMap(word)
}

function word(value: number): number[] {
  return [value, value >>> 8, value >>> 16, value >>> 24].map((byte) => byte & 0xff)
}

const HEADER_BYTES = 64
const SEGMENT_BYTES = 56
const LOAD_ADDRESS = 0x400000n

/** The whole file; a header, one segment (readable, executable) that holds all of the file, code, set (elf(5)). */
export function idleProgram(architecture: Architecture): Uint8Array {
  const { elf, code, page } = MACHINES[architecture]
  const start = HEADER_BYTES + SEGMENT_BYTES
  const size = start + code.length + SET_BYTES
  const file = Buffer.alloc(size)
  // 64 bits, little-endian, version 1, System V.
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]).copy(file)
  file.writeUInt16LE(2, 16) // an executable
  file.writeUInt16LE(elf, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(LOAD_ADDRESS + BigInt(start), 24) // where it begins
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32) // where the segments are listed
  file.writeUInt16LE(HEADER_BYTES, 52)
  file.writeUInt16LE(SEGMENT_BYTES, 54)
  file.writeUInt16LE(1, 56)
  file.writeUInt32LE(1, HEADER_BYTES) // PT_LOAD
  file.writeUInt32LE(5, HEADER_BYTES + 4)
  file.writeBigUInt64LE(LOAD_ADDRESS, HEADER_BYTES + 16)
  file.writeBigUInt64LE(LOAD_ADDRESS, HEADER_BYTES + 24)
  file.writeBigUInt64LE(BigInt(size), HEADER_BYTES + 32)
  file.writeBigUInt64LE(BigInt(size), HEADER_BYTES + 40)
  file.writeBigUInt64LE(BigInt(page), HEADER_BYTES + 48)
  file.set(code, start)
  file.writeBigUInt64LE(SIGNALS, start + code.length)
  return file
}
