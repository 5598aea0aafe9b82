/**
 * TLS connections to the Services that answer for the API server. A real one keeps them, and so a Service
 * that renews its certificates or restarts is met with old connections as well as new ones.
 */
import { Agent, type RequestOptions } from 'node:https'
import { type ServiceAddress, tlsName } from './service-address.ts'

export interface TlsIdentity {
  /** PEM certificates of which one must have signed the other side's; undefined: the system's. */
  ca?: string | undefined
  /** What this side shows. */
  cert?: string
  key?: string
  /** False believes everybody (`insecureSkipTLSVerify`). */
  verify?: boolean
}

/** A connection that nobody uses is closed after this time (ms), as Go's clients do it. */
const IDLE_MS = 90_000

export class ServiceConnections {
  readonly #keep: boolean
  readonly #agents = new Map<string, Agent>()

  /** @param keep false opens a connection for each request */
  constructor(keep: boolean) {
    this.#keep = keep
  }

  /** The part of a request's options that says where to and how. */
  optionsFor(address: ServiceAddress, identity: TlsIdentity): RequestOptions {
    const { host, port, serverName } = address
    const tls = {
      servername: tlsName(serverName),
      ...(identity.ca !== undefined && { ca: identity.ca }),
      ...(identity.cert !== undefined && { cert: identity.cert, key: identity.key }),
      rejectUnauthorized: identity.verify !== false,
    }
    const agent = this.#keep ? this.#agentFor(JSON.stringify([host, port, tls])) : false
    return { host, port, ...tls, agent }
  }

  /** Other certificates to trust are another client: what was connected under the old ones is let go. */
  #agentFor(key: string): Agent {
    let agent = this.#agents.get(key)
    if (!agent) {
      agent = new Agent({ keepAlive: true, timeout: IDLE_MS })
      this.#agents.set(key, agent)
    }
    return agent
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }
}
