/** Reads the protobuf wire format: fields by number, nothing about what they mean. */

export interface WireField {
  number: number
  /** Whole for varints and fixed numbers, bytes for everything with a length. */
  value: bigint | Uint8Array
}

/** Throws if the bytes are not protobuf. https://protobuf.dev/programming-guides/encoding/ */
export function readFields(bytes: Uint8Array): WireField[] {
  const fields: WireField[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0

  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new Error('a number in the message does not end')
  }
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new Error('a field in the message is cut off')
    at += length
    return bytes.subarray(at - length, at)
  }

  while (at < bytes.length) {
    const tag = Number(varint())
    const number = tag >>> 3
    const wireType = tag & 7
    if (wireType === 0) fields.push({ number, value: varint() })
    else if (wireType === 1) {
      take(8)
      fields.push({ number, value: view.getBigUint64(at - 8, true) })
    } else if (wireType === 2) fields.push({ number, value: take(Number(varint())) })
    else if (wireType === 5) {
      take(4)
      fields.push({ number, value: BigInt(view.getUint32(at - 4, true)) })
    } else throw new Error(`wire type ${wireType} is not known`)
  }
  return fields
}

const decoder = new TextDecoder()

export function textOf(value: bigint | Uint8Array): string {
  if (typeof value === 'bigint') throw new Error('a text is written as a number')
  return decoder.decode(value)
}

/** A signed number of up to 64 bits. */
export function numberOf(value: bigint | Uint8Array): number {
  if (typeof value !== 'bigint') throw new Error('a number is written as bytes')
  return Number(BigInt.asIntN(64, value))
}
