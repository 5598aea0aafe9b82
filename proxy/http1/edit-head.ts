/** Changes single fields of a head and leaves every other byte as it came. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { ByteStream } from '../stream.ts'
import { lineOf, withAdded } from './added-fields.ts'
import { assertField } from './field-check.ts'
import type { Head } from './head.ts'

interface Edit {
  /** Range of the original bytes that `text` takes the place of, counted from `head.base`. */
  from: number
  to: number
  text: string
}

/**
 * Up to this many body bytes are copied behind an edited head, so that both leave in one write;
 * copying 16 KiB costs about 1 µs, a system call ten times that.
 */
export const MAX_COPIED_TAIL = 16_384

/** Who has memory for an edited head. */
export type Room = Pick<ByteStream, 'room'>

/** Memory that may be kept. */
const OWN: Room = { room: (length) => Buffer.allocUnsafe(length) }

/** What is changed of a head. */
export interface HeadEdit {
  /** Fields that are set. */
  set: HeaderList
  /** Lower-case name of fields that go. */
  drop?: string
  /** Whose memory the edited head is written into: that of the stream to which it goes, if nobody keeps it. */
  room?: Room
}

/** What the last answer of a connection says; servers that keep it may have said for how long. */
export const LAST_ANSWER: HeadEdit = { set: [['Connection', 'close']], drop: 'keep-alive' }

/** An edited head and what stands in `chunk` from `from` to `to`, which is to follow it. */
export function editMessage(
  head: Head,
  edit: HeadEdit,
  chunk: Buffer,
  from: number,
  to: number,
): Buffer {
  const out = editHead(head, edit, to - from)
  if (to > from) chunk.copy(out, out.length - (to - from), from, to)
  return out
}

/**
 * The head with each of `set` in force: the first field of that name gets the value, further ones of
 * the name go, a missing one is added last. `tail` is room that is left at the end for body bytes.
 * Throws if a name or value could break out of its line.
 */
export function editHead(head: Head, { set, drop, room = OWN }: HeadEdit, tail = 0): Buffer {
  const plain = drop === undefined && set.length > 0 ? withAdded(head, set, tail, room) : null
  if (plain !== null) return plain
  const edits: Edit[] = drop === undefined ? [] : removals(head, drop)
  let added = ''
  for (const field of set) {
    const lower = field[0].toLowerCase()
    const first = head.find(lower)
    if (first < 0) {
      added += lineOf(field)
      continue
    }
    assertField(field)
    edits.push(replaceValue(head, first, field[1]))
    for (let i = head.find(lower, first + 4); i >= 0; i = head.find(lower, i + 4)) {
      edits.push(removeField(head, i))
    }
  }
  // The blank line's own CRLF comes after what is added.
  const blank = head.to - head.base - 2
  edits.push({ from: blank, to: blank, text: added })
  return assemble(head, edits, tail, room)
}

function removals(head: Head, name: string): Edit[] {
  const edits: Edit[] = []
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 4)) edits.push(removeField(head, i))
  return edits
}

function replaceValue(head: Head, field: number, text: string): Edit {
  return { from: head.fields[field + 2] as number, to: head.fields[field + 3] as number, text }
}

/** A field's line reaches to the next field's name, or to the blank line. */
function removeField(head: Head, field: number): Edit {
  const next = head.fields[field + 4] ?? head.to - head.base - 2
  return { from: head.fields[field] as number, to: next, text: '' }
}

function assemble(head: Head, edits: Edit[], tail: number, room: Room): Buffer {
  let size = head.length
  for (const { from, to, text } of edits) size += text.length - to + from
  const out = room.room(size + tail)
  let written = 0
  let read = head.from
  for (const { from, to, text } of inOrder(edits)) {
    written += head.buffer.copy(out, written, read, head.base + from)
    written += out.write(text, written, 'latin1')
    read = head.base + to
  }
  head.buffer.copy(out, written, read, head.to)
  return out
}

/** Mostly there are two or three, for which `sort` takes longer than all the rest. */
function inOrder(edits: Edit[]): Edit[] {
  if (edits.length > 8) return edits.sort((a, b) => a.from - b.from)
  for (let i = 1; i < edits.length; i++) {
    const edit = edits[i] as Edit
    let at = i
    for (; at > 0 && (edits[at - 1] as Edit).from > edit.from; at--)
      edits[at] = edits[at - 1] as Edit
    edits[at] = edit
  }
  return edits
}
