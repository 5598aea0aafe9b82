/**
 * Reads and rewrites resolv.conf in place. The container runtime bind-mounts one file into every
 * container of the pod: only a write to that very file is seen by all, and a rename would fail.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises'

export type FileOutcome = { ok: true } | { ok: false; problem: string }
export type FileText = { ok: true; text: string } | { ok: false; problem: string }

export async function readResolvConf(path: string): Promise<FileText> {
  try {
    return { ok: true, text: await readFile(path, 'utf8') }
  } catch (cause) {
    return { ok: false, problem: `${path} cannot be read: ${reason(cause)}` }
  }
}

/** Tells whether the file could be written, without writing. */
export async function checkWritable(path: string): Promise<FileOutcome> {
  const opened = await openInPlace(path)
  if (!opened.ok) return opened
  await opened.file.close()
  return { ok: true }
}

/** Makes `text` the file's content, in the same inode, and reads it back. */
export async function rewriteInPlace(path: string, text: string): Promise<FileOutcome> {
  const opened = await openInPlace(path)
  if (!opened.ok) return opened
  const content = Buffer.from(text)
  try {
    // Write first, then cut: a reader never finds the file empty, and a full disk leaves the old text.
    const { bytesWritten } = await opened.file.write(content, 0, content.length, 0)
    if (bytesWritten !== content.length) {
      return { ok: false, problem: `${path}: only ${bytesWritten} bytes could be written` }
    }
    await opened.file.truncate(content.length)
  } catch (cause) {
    return { ok: false, problem: `${path} cannot be written: ${reason(cause)}` }
  } finally {
    await opened.file.close()
  }
  const back = await readResolvConf(path)
  if (!back.ok) return back
  if (back.text === text) return { ok: true }
  return { ok: false, problem: `${path} does not have the text that was written to it` }
}

type Opened = { ok: true; file: FileHandle } | { ok: false; problem: string }

async function openInPlace(path: string): Promise<Opened> {
  try {
    return { ok: true, file: await open(path, 'r+') }
  } catch (cause) {
    return { ok: false, problem: `${path} cannot be written: ${reason(cause)}` }
  }
}

function reason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EROFS') {
    return 'it is mounted read-only; the init container must not set readOnlyRootFilesystem'
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return 'permission denied; the init container must run as uid 0'
  }
  return message
}
