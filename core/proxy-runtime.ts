/** How the sidecar's image runs Node. */

/**
 * Node's options, in the image's `NODE_OPTIONS`. The space for new objects may grow to 2 MB instead of
 * 64: what an exchange makes is dead with it, so that more room only costs memory (with 3,000 idle
 * connections 97 MB in all instead of 120), and as many exchanges take as much of the processor.
 */
export const PROXY_NODE_OPTIONS = '--max-semi-space-size=2'
