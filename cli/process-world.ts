/** The world of a real process: its streams, its files, and the clients that flags ask for. */
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { text as readAll } from 'node:stream/consumers'
import type { KubeClient } from '../core/kube/client.ts'
import { createKubeClient } from '../core/kube/kubeconfig.ts'
import { tracesInCluster } from './cluster-traces.ts'
import { CliError } from './command.ts'
import type { CliConfig } from './config.ts'
import type { World } from './world.ts'

/** The streams of `process`, so that this file names no global. */
export interface Streams {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

/** Flags of every command that choose whom to talk to. */
export interface Connection {
  kubeconfig: string | undefined
  context: string | undefined
}

export function processWorld(
  streams: Streams,
  config: CliConfig,
  stop: AbortSignal,
): (connection: Connection) => World {
  const { stdin, stdout, stderr } = streams
  const ask = async (question: string) => {
    const lines = createInterface({ input: stdin, output: stderr })
    const closed = new AbortController()
    // Ctrl-C and Ctrl-D close the interface: that is the answer nothing.
    lines.on('close', () => closed.abort())
    try {
      return await lines.question(question, { signal: closed.signal })
    } catch (error) {
      if (!closed.signal.aborted) throw error
      stderr.write('\n')
      return ''
    } finally {
      lines.close()
    }
  }
  return (connection) => {
    let client: KubeClient | undefined
    const cluster = () => {
      client ??= connect(connection, config.kubeconfig)
      return client
    }
    return {
      out: (text) => void stdout.write(text),
      err: (text) => void stderr.write(text),
      colour: stdout.isTTY === true && config.noColour === null,
      ask: stdin.isTTY && stderr.isTTY ? ask : null,
      read: (path) => readText(path, stdin),
      stop,
      cluster,
      traces: async () => tracesInCluster(cluster()),
    }
  }
}

/** @param listed what KUBECONFIG says: one path, or several */
function connect({ kubeconfig, context }: Connection, listed: string | null): KubeClient {
  const kubeconfigs = listed?.split(delimiter).filter((path) => path !== '')
  try {
    return createKubeClient({ kubeconfig, kubeconfigs, context })
  } catch (error) {
    const about = kubeconfig ? `kubeconfig ${kubeconfig}: ` : ''
    throw new CliError(`${about}${reasonOf(error as NodeJS.ErrnoException)}`, 1, { cause: error })
  }
}

async function readText(path: string, stdin: NodeJS.ReadStream): Promise<string> {
  if (path === '-') return readAll(stdin)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${reasonOf(error as NodeJS.ErrnoException)}`, 1, {
      cause: error,
    })
  }
}

/** Node names call and path once more behind its own words for what went wrong. */
function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'you may not read it'
  return code === 'EISDIR' ? 'it is a folder' : message
}
