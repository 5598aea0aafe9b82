/** The viewer as a person sees it: the real controller, the built page, a real Chromium. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { Browser, Locator, Page } from 'playwright-core'
import type { TraceRecord } from '../../core/trace-record.ts'
import { buildViewer } from '../../scripts/build.ts'
import { FakeKube } from '../controller/fake-kube.ts'
import { service, slice, space } from '../controller/kube-objects.ts'
import { startTestController, type TestController } from '../controller/running.ts'
import { sampleRecord, sampleTrace, spanIdOf, traceIdOf } from '../core/sample-records.ts'
import { launchChromium } from './chromium.ts'
import { describeBrowser } from './requirements.ts'

// The longest takes 5 s on an idle machine with two cores.
jest.setTimeout(90_000)

/** Longest wait for the page to show something (ms): a refresh every 400 ms, on a busy machine. */
const PATIENCE = 30_000

function sampleKube(): FakeKube {
  const kube = new FakeKube()
  kube.put('namespaces', space('dev'))
  kube.put('namespaces', space('alice', 'dev'))
  for (const name of ['web', 'orders', 'stock']) {
    kube.put('services', service('dev', name))
    kube.put('endpointslices', slice('dev', name, ['10.0.0.1']))
  }
  kube.put('services', service('alice', 'orders'))
  return kube
}

describeBrowser('viewer', () => {
  let directory: string
  let browser: Browser
  let controller: TestController
  let page: Page
  /** Whatever went wrong in the page, also what the content security policy has refused. */
  let complaints: string[]

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'azds-viewer-'))
    await buildViewer(directory)
    browser = await launchChromium()
  })

  afterAll(async () => {
    await browser?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  beforeEach(async () => {
    controller = await startTestController({ AZDS_VIEWER_DIR: directory }, sampleKube())
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    page.setDefaultTimeout(PATIENCE)
    complaints = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) {
        complaints.push(message.text())
      }
    })
  })

  afterEach(async () => {
    await page?.close()
    await controller?.close()
  })

  async function post(records: TraceRecord[]): Promise<void> {
    const answer = await fetch(`${controller.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ namespace: 'dev', pod: 'web-1', dropped: 0, records }),
    })
    if (answer.status !== 202) throw new Error(await answer.text())
  }

  async function open(hash = ''): Promise<void> {
    await page.goto(`${controller.url}/${hash}`)
    await page.getByText('live', { exact: true }).waitFor()
  }

  const textOf = async (place: Locator) => (await place.textContent()) ?? ''
  const rows = () => page.locator('.traces tbody tr')
  const hops = () => page.locator('.hop .head')

  test('an empty list says what to do, and a request appears by itself', async () => {
    await open()
    await page.getByText('No request yet').waitFor()
    await page.getByText("curl -H 'azds-route-as: alice'").waitFor()
    await post(sampleTrace())
    await rows().first().waitFor()
    const text = await textOf(rows().first())
    for (const part of ['GET /cart', '200', 'alice', 'web → orders → stock', '20 ms']) {
      expect(text).toContain(part)
    }
    expect(complaints).toEqual([])
  })

  /** Answers the page as `azds viewer` does for who has not all rights. */
  async function refuse(status: number, isRefused = (_: URL) => true): Promise<void> {
    await page.route('**/v1/traces?**', (route) => {
      if (!isRefused(new URL(route.request().url()))) return route.continue()
      const error = { code: 'refused', message: 'because of your rights' }
      return route.fulfill({ status, json: { error } })
    })
  }
  const isOfAll = ({ searchParams }: URL) => !searchParams.has('space')

  test('who may not read every space chooses one, and sees that', async () => {
    await post(sampleTrace())
    await refuse(403, isOfAll)
    await page.goto(controller.url)
    await page.getByRole('heading', { name: 'Choose a space' }).waitFor()
    await page.getByRole('button', { name: 'dev/alice' }).click()
    await rows().first().waitFor()
    expect(page.url()).toContain('space=alice')
    await page.getByText('live', { exact: true }).waitFor()
  })

  test('who may not read this space is told why and how to see it, and can choose another', async () => {
    await post(sampleTrace())
    await refuse(403, ({ searchParams }) => searchParams.get('space') === 'dev')
    await page.goto(`${controller.url}/#/?space=dev`)
    await page.getByText('because of your rights').waitFor()
    await page.getByText('kubectl auth can-i list traces.azds.io -n dev').waitFor()
    expect(await page.getByRole('button', { name: 'dev', exact: true }).count()).toBe(0)
    await page.getByRole('button', { name: 'dev/alice' }).click()
    await rows().first().waitFor()
  })

  test('where the spaces are not to be read either, one is typed', async () => {
    await post(sampleTrace())
    await refuse(403, isOfAll)
    await page.route('**/v1/spaces', (route) => route.fulfill({ status: 403, json: {} }))
    await page.goto(controller.url)
    await page.locator('.empty').getByLabel('Space').fill('alice')
    await page.getByRole('button', { name: 'Show' }).click()
    await rows().first().waitFor()
  })

  test.each([
    [401, 'This page is not signed in'],
    [404, 'Here is only the page'],
  ])('an answer of %d ends in the next step, and nothing is asked again', async (status, title) => {
    await refuse(status)
    await page.goto(controller.url)
    await page.getByRole('heading', { name: title }).waitFor()
    await page.getByText('azds viewer', { exact: true }).waitFor()
    // What is not asked for is neither live nor lost.
    expect(await page.locator('.connection').count()).toBe(0)
    let asked = 0
    page.on('request', (request) => {
      if (request.url().includes('/v1/traces')) asked += 1
    })
    // Longer than the page waits before it follows again.
    await page.waitForTimeout(2500)
    expect(asked).toBe(0)
  })

  test('where nobody answers, the page says who should, and goes on by itself', async () => {
    await page.route('**/v1/**', (route) => route.abort())
    await page.goto(controller.url)
    const { host } = new URL(controller.url)
    await page.getByText(`Nothing answers at ${host}`).waitFor()
    expect(await page.locator('.traces').count()).toBe(0)
    await page.unroute('**/v1/**')
    await post(sampleTrace())
    await rows().first().waitFor()
  })

  test('a click shows the hops, each with its reason, and the error with its next step', async () => {
    await post(sampleTrace())
    await open()
    await page.getByRole('link', { name: 'GET /cart' }).click()
    await hops().nth(2).waitFor()
    expect(await hops().count()).toBe(3)
    expect(await textOf(hops().nth(1))).toMatch(/web\s*dev.*→.*orders\s*alice/s)

    await hops().nth(1).click()
    const detail = page.locator('.hop-detail')
    await detail.getByText('its own version is ready').waitFor()
    await detail.getByText('because the header azds-route-as says so').waitFor()
    await detail.getByText('Meant for 10.96.0.20:80, sent to 10.96.0.21:80').waitFor()

    await hops().nth(2).click()
    const words = await textOf(detail)
    expect(words).toMatch(/alice does not run it.*dev answers/s)
    expect(words).toContain('connect ECONNREFUSED 127.0.0.1:8080')
    expect(words).toContain('See if the app listens on the port that its Service names.')

    await hops().nth(0).click()
    await detail.getByText('blanked in the sidecar').waitFor()
    expect(complaints).toEqual([])
  })

  test('a trace has an address that can be opened and gone back from', async () => {
    await post(sampleTrace())
    await open(`#/trace/${traceIdOf(7)}?hop=${spanIdOf(2)}`)
    await page.locator('.hop-detail').getByText('its own version is ready').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.detail').waitFor({ state: 'detached' })
    await page.goBack()
    await page.locator('.hop-detail').waitFor()
  })

  test('an open trace grows when more of its records come', async () => {
    await post(sampleTrace().slice(0, 1))
    await open(`#/trace/${traceIdOf(7)}`)
    await hops().first().waitFor()
    expect(await hops().count()).toBe(1)
    await post(sampleTrace().slice(1))
    await hops().nth(2).waitFor()
  })

  test('markup in recorded text is shown as text and does not run', async () => {
    const attack = `<img src=x onerror="document.title='broken'"><script>document.title='broken'</script>`
    await post([
      sampleRecord({
        path: `/${attack}`,
        authority: attack,
        requestHeaders: [[attack, attack]],
        requestBody: { base64: Buffer.from(attack).toString('base64'), truncated: false },
        error: { code: 'bad-request', message: attack },
      }),
    ])
    await open()
    await rows().getByRole('link').click()
    await hops().first().click()
    const shown = page.locator('.hop-detail')
    await shown.waitFor()
    expect((await textOf(shown)).split(attack).length).toBeGreaterThanOrEqual(4)
    expect(await page.locator('img, .detail script, .list script').count()).toBe(0)
    expect(await page.title()).toBe('devspaces traces')
    expect(complaints).toEqual([])
  })

  test('filters narrow the list, also for what comes later', async () => {
    await post([
      ...sampleTrace(),
      sampleRecord({ traceId: traceIdOf(8), path: '/plain', spanId: spanIdOf(8) }),
    ])
    await open()
    await rows().nth(1).waitFor()
    await page.getByLabel('Space').selectOption('alice')
    await rows().nth(1).waitFor({ state: 'detached' })
    expect(await textOf(rows())).toContain('/cart')

    await page.getByLabel('Space').selectOption('')
    await page.getByLabel('Text in').fill('PLAIN')
    await page.getByRole('link', { name: '/cart' }).waitFor({ state: 'detached' })
    await post([
      sampleRecord({ traceId: traceIdOf(9), path: '/other', spanId: spanIdOf(9) }),
      sampleRecord({ traceId: traceIdOf(10), path: '/plain/2', spanId: spanIdOf(10) }),
    ])
    await page.getByRole('link', { name: '/plain/2' }).waitFor()
    expect(await page.getByRole('link', { name: '/other' }).count()).toBe(0)
    expect(await page.evaluate('location.hash')).toBe('#/?q=PLAIN')

    await page.getByLabel('Text in').fill('no such text')
    await page.getByRole('button', { name: 'Show every request' }).click()
    await rows().nth(3).waitFor()
  })

  test('a paused list stands still, counts what comes, and catches up', async () => {
    await open()
    await page.getByText('No request yet').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await post(sampleTrace())
    const resume = page.getByRole('button', { name: 'Resume (1 new)' })
    await resume.waitFor()
    // Longer than a look-up waits that was due when the list was paused.
    await page.waitForTimeout(600)
    expect(await rows().count()).toBe(0)
    await resume.click()
    await rows().first().waitFor()
  })

  test('the keyboard walks the list and reaches the search box', async () => {
    await post([
      ...sampleTrace(),
      sampleRecord({ traceId: traceIdOf(1), path: '/older', startedAt: 5 }),
    ])
    await open()
    await rows().nth(1).waitFor()
    await page.keyboard.press('j')
    await page.locator('tr.open', { hasText: '/cart' }).waitFor()
    await page.keyboard.press('j')
    await page.locator('tr.open', { hasText: '/older' }).waitFor()
    await page.keyboard.press('/')
    expect(await page.evaluate('document.activeElement.id')).toBe('search')
  })

  test('a restarted controller is found again and what it has is shown', async () => {
    await open()
    const { port } = controller.address
    await controller.close()
    await page.getByText('controller not reached').waitFor()
    const env = { AZDS_VIEWER_DIR: directory, AZDS_CONTROLLER_PORT: String(port) }
    controller = await startTestController(env, sampleKube())
    await post(sampleTrace())
    await page.getByText('live', { exact: true }).waitFor()
    await rows().first().waitFor()
  })

  test('a stream that something on the way refuses is asked for again', async () => {
    let refusals = 0
    await page.route('**/v1/traces/follow*', async (route) => {
      refusals += 1
      if (refusals > 1) await route.continue()
      else await route.fulfill({ status: 503, body: 'no healthy upstream' })
    })
    await open()
    expect(refusals).toBe(2)
  })

  test('a small window shows the list or the trace, and nothing is cut off at the side', async () => {
    await page.setViewportSize({ width: 390, height: 700 })
    await post(sampleTrace())
    await open()
    await rows().first().waitFor()
    const overflow = 'document.documentElement.scrollWidth - innerWidth'
    expect(await page.evaluate(overflow)).toBe(0)
    await page.getByRole('link', { name: 'GET /cart' }).click()
    await hops().nth(2).click()
    expect(await page.evaluate(overflow)).toBe(0)
    expect(await page.locator('.list').isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Close' }).click()
    await rows().first().waitFor()
  })
})
