/** A real Chromium that talks to nobody but the page it is given. */
import { accessSync, constants } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Debian's, Fedora's and Ubuntu's Chromium, Google's Chrome; CHROMIUM_PATH names any other. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/snap/bin/chromium',
  '/usr/bin/google-chrome',
]

/** Path of a Chromium; null if there is none. */
export function chromiumPath(): string | null {
  const named = process.env['CHROMIUM_PATH']
  return (named ? [named] : PLACES).find(isExecutable) ?? null
}

/** Starts it with a fresh profile, which goes with it when it is closed. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath()
  if (!executablePath) throw new Error('there is no Chromium')
  return chromium.launch({
    executablePath,
    // As root, Chromium's own sandbox refuses to start; it only ever opens our page here.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
