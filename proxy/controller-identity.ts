/**
 * Who this proxy is to the controller, and how it knows the controller: the token and the authorities that the
 * kubelet keeps in a folder of the pod. Both change while the pod runs, and the authorities may come late.
 */
import { readFile } from 'node:fs'

export interface ControllerIdentity {
  /** Shown to the controller, and to nobody else: it must not reach a log, a trace or an error. */
  token: string
  /** Certificates of the authorities that sign the controller's, PEM. */
  authorities: string
}

export interface IdentityFiles {
  /** Folder with `token` and `ca.crt`. */
  dir: string
  /** Reads a file without holding up the loop; Node's own if absent. */
  read?: (path: string) => Promise<string>
  /** Milliseconds of any clock that does not go back. */
  now: () => number
}

/**
 * How long what was read is good, ms. The kubelet renews a token at four fifths of its life, and swaps the
 * folder as a whole: a second later is early enough.
 */
const GOOD_MS = 1000

export interface IdentityKeeper {
  /**
   * Rejects with a sentence while a file has never been there; nothing is kept of that. Files that go again change
   * nothing: while a namespace is deleted, its ConfigMap goes before its pods have delivered their last traces.
   */
  current(): Promise<ControllerIdentity>
  /** The controller did not take the token: it is read again the next time. */
  refused(): void
}

/** Reads nothing yet. */
export function keepIdentity({ dir, read = readText, now }: IdentityFiles): IdentityKeeper {
  let known: Promise<ControllerIdentity> | null = null
  let last: ControllerIdentity | null = null
  let readAt = 0
  const readAgain = async (): Promise<ControllerIdentity> => {
    try {
      last = await readIdentity(dir, read)
      return last
    } catch (error) {
      if (last !== null) return last
      throw error
    }
  }
  const forget = () => {
    known = null
  }
  return {
    current: () => {
      if (known !== null && now() - readAt < GOOD_MS) return known
      readAt = now()
      const reading = readAgain()
      known = reading
      reading.catch(() => {
        if (known === reading) forget()
      })
      return reading
    },
    refused: forget,
  }
}

async function readIdentity(
  dir: string,
  read: (path: string) => Promise<string>,
): Promise<ControllerIdentity> {
  const [authorities, token] = await Promise.all([
    readWhole(
      `${dir}/ca.crt`,
      read,
      'the controller publishes it as ConfigMap azds-ca in every space',
    ),
    readWhole(`${dir}/token`, read, 'the kubelet writes it into the volume azds-identity'),
  ])
  // What is sent as a header field must be one line of visible characters (RFC 9110 5.5).
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`${dir}/token holds no token`)
  return { token, authorities }
}

async function readWhole(
  path: string,
  read: (path: string) => Promise<string>,
  remedy: string,
): Promise<string> {
  let text: string
  try {
    text = (await read(path)).trim()
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new Error(`${path} cannot be read (${code}): ${remedy}`)
  }
  if (text === '') throw new Error(`${path} is empty: ${remedy}`)
  return text
}

/** Not by `node:fs/promises`: that loads what is for watching folders and reading lines, 1 MB of a pod's memory. */
function readText(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    readFile(path, 'utf8', (error, text) => {
      if (error) reject(error)
      else resolve(text)
    })
  })
}
