/** Ends an HTTP server within a known time, whatever its clients do. */

export interface ClosableServer {
  /** Takes no more connections, closes idle ones, and resolves once the others are gone. */
  close(): Promise<unknown>
  server: { closeAllConnections(): void }
}

/**
 * Closes gracefully, and cuts after `graceMs` what is still open. Node takes a connection on which
 * nothing has been sent yet for a busy one; browsers open such connections in advance and keep them.
 */
export async function closeServer(app: ClosableServer, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
