/** Takes the README's picture: the viewer over a running playground, with one trace open. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { exec } from '../core/exec.ts'
import { bringUp } from '../playground/bring-up.ts'
import { DEMO_REQUESTS } from '../playground/demonstration.ts'
import { fetchRecords, makeRequest } from '../playground/requests.ts'
import { launchChromium } from '../test/browser/chromium.ts'

const FOLDER = join(import.meta.dirname, '..', 'docs', 'images')
/** Wide enough for list and trace side by side. */
const SIZE = { width: 1400, height: 860 }

const uid = process.getuid?.() ?? -1
const playground = await bringUp({ env: process.env, uid, exec })
const browser = await launchChromium()
try {
  const results = []
  for (const request of DEMO_REQUESTS) {
    results.push(await makeRequest(request, playground.gatewayPort))
  }
  for (const { traceId } of results) await fetchRecords(playground.viewerPort, traceId)
  const page = await browser.newPage({ viewport: SIZE })
  // The second request is that of Alice's own address.
  await page.goto(`http://localhost:${playground.viewerPort}/#/trace/${results[1]?.traceId}`)
  // Open its second hop, the one that leaves the parent's space.
  await page.locator('.hop .head').nth(1).click()
  mkdirSync(FOLDER, { recursive: true })
  await page.screenshot({ path: join(FOLDER, 'viewer.png') })
} finally {
  await browser.close()
  await playground.cluster.stop()
}
