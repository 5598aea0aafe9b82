/** A real Chromium that talks to nobody but the page it is given. */
import { type Browser, chromium } from 'playwright-core'
import { chromiumPath } from './requirements.ts'

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
