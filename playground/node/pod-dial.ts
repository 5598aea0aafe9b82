/** Connects to a port inside of a pod, as its own containers do: on the loopback of its network namespace. */
import { spawn } from 'node:child_process'
import type { PodConnection } from '../apiserver/pod-forward.ts'

/** Joins a connection to standard input and output. Only one process can be in another namespace at a time. */
const SCRIPT = `
const socket = require('node:net').connect({ port: Number(process.argv[1]), host: 'localhost', allowHalfOpen: true })
socket.on('error', (error) => { process.stderr.write(error.message); process.exitCode = 1; process.stdin.destroy() })
process.stdin.pipe(socket)
socket.pipe(process.stdout)
socket.on('end', () => process.stdin.destroy())
`

/** @param sandboxPid a process in the pod's namespaces */
export function dialPod(nodeBinary: string, sandboxPid: number, port: number): PodConnection {
  const command = ['-t', String(sandboxPid), '-n', nodeBinary, '-e', SCRIPT, String(port)]
  const child = spawn('nsenter', command)
  let said = ''
  child.stderr.on('data', (data: Buffer) => {
    said += data
  })
  const ended = new Promise<string | null>((resolve) => {
    child.once('close', (code) => {
      resolve(code === 0 || said === '' ? null : `error forwarding port ${port} to pod: ${said}`)
    })
    child.once('error', (error) => resolve(error.message))
  })
  return {
    toPod: child.stdin,
    fromPod: child.stdout,
    ended,
    destroy: () => void child.kill('SIGKILL'),
  }
}
