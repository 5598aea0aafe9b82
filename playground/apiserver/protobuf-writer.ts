/** Writes the protobuf wire format, as far as messages of texts and messages go. */

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

/** Wire type 2: a message, or bytes, with its length. https://protobuf.dev/programming-guides/encoding/ */
export function wireField(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content])
}

export function textField(number: number, text: string): Buffer {
  return wireField(number, Buffer.from(text))
}
