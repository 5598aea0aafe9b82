/** What a bundle has in place of the global `Buffer`; see `build.ts`. */
export { Buffer } from 'node:buffer'
