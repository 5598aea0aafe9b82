/** A real web server for the tests: started in a folder of its own, stopped with all that it started. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Origin {
  port: number
  close(): Promise<void>
}

/** How long a server may take to listen, ms; a loaded machine needs one or two seconds. */
const START_MS = 10_000

/** Where Debian keeps daemons that are not always on a user's PATH. */
export const DAEMON_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`

/** The files that static servers serve. */
export const FILES = {
  'hello.txt': 'hello\n',
  'empty.txt': '',
  'page.html': `<!doctype html><p>${'All the same, whoever asks. '.repeat(40)}</p>\n`,
  'big.bin': Array.from({ length: 9_000 }, (_, line) => `line ${line} of 9000\n`).join(''),
  // More than the windows of two sidecars and what the kernel takes: whoever stops in it has not seen all.
  'huge.bin': 'some 4 MB '.repeat(400_000),
}

/** A port where nothing listens at the moment. */
async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface Program {
  command: string
  args: (folder: string) => string[]
  /** Name of the file, and its text. */
  config: { name: string; text: (folder: string) => string }
}

/** Another process may take a free port before the program does. */
const ATTEMPTS = 3

/**
 * Starts a program in the foreground, in a new folder that has `FILES` in `files/`, on a free port, and
 * waits until it listens.
 */
export async function startProgram(programOn: (port: number) => Program): Promise<Origin> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return await start(programOn(port), port)
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
    }
  }
}

async function start({ command, args, config }: Program, port: number): Promise<Origin> {
  const folder = mkdtempSync(join(tmpdir(), 'servers-'))
  // The worker processes may be of another user than the one who runs the tests.
  chmodSync(folder, 0o755)
  writeFiles(join(folder, 'files'))
  writeFileSync(join(folder, config.name), config.text(folder))
  // A file and not a pipe: Apache opens its standard error by name.
  const log = join(folder, 'said')
  const said = openSync(log, 'w')
  const child = spawn(command, args(folder), {
    cwd: folder,
    env: { ...process.env, PATH: DAEMON_PATH },
    stdio: ['ignore', said, said],
  })
  closeSync(said)
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve())
    child.on('exit', () => resolve())
  })
  const close = async () => {
    await stop(child, ended)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilListening(port, ended)
  } catch (cause) {
    const words = readFileSync(log, 'utf8').trim()
    await close()
    throw new Error(`${command} does not listen on port ${port}: ${words || 'it says nothing'}`, {
      cause,
    })
  }
  return { port, close }
}

function writeFiles(folder: string): void {
  mkdirSync(join(folder, 'dir'), { recursive: true })
  for (const [name, text] of Object.entries(FILES)) {
    writeFileSync(join(folder, name), text)
    // Validators and Last-Modified are the same in every run.
    utimesSync(join(folder, name), 1_767_225_600, 1_767_225_600)
  }
}

async function untilListening(port: number, ended: Promise<void>): Promise<void> {
  let gone = false
  void ended.then(() => {
    gone = true
  })
  for (const end = Date.now() + START_MS; Date.now() < end && !gone; ) {
    if (await accepts(port)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(gone ? 'it has ended' : 'it took too long')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await ended
  clearTimeout(hard)
}
