/** Reads the first line of a connection and leaves the rest for whoever comes next. */
import type { Socket } from 'node:net'
import { splitLine } from './target.ts'

/**
 * Resolves with the first line; bytes after it are put back, and the socket is left paused. Rejects if the
 * connection ends before.
 */
export function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    const finish = (act: () => void) => {
      socket.off('data', onData)
      socket.off('end', onEnd)
      socket.off('error', onError)
      act()
    }
    const onEnd = () =>
      finish(() => reject(new Error('the connection ended before its first line')))
    const onError = (error: Error) => finish(() => reject(error))
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      try {
        const split = splitLine(received)
        if (!split) return
        finish(() => {
          socket.pause()
          if (split.rest.length > 0) socket.unshift(split.rest)
          resolve(split.line)
        })
      } catch (error) {
        finish(() => reject(error as Error))
      }
    }
    socket.on('data', onData)
    socket.on('end', onEnd)
    socket.on('error', onError)
  })
}
