import { spawn } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { ENV } from '../../core/names.ts'

/** Runs the program as a pod does; `onLine` hears its log and may end it. */
function run(
  env: Record<string, string>,
  { args = [] as string[], onLine = (_line: string, _stop: () => void) => {} } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const program = spawn(process.execPath, ['proxy/main.ts', ...args], { env })
  const texts = { out: '', err: '' }
  program.stdout.on('data', (chunk) => {
    texts.out += chunk
    for (const line of String(chunk).split('\n')) onLine(line, () => program.kill('SIGTERM'))
  })
  program.stderr.on('data', (chunk) => {
    texts.err += chunk
  })
  return new Promise((resolve) => {
    program.on('close', (code) => resolve({ code, ...texts }))
  })
}

const GATEWAY = {
  AZDS_MODE: 'gateway',
  AZDS_GATEWAY_PORT: '0',
  AZDS_DRAIN_QUIET_MS: '0',
  [ENV.podName]: 'gateway-1',
  [ENV.podNamespace]: 'azds',
  [ENV.adminPort]: '0',
  [ENV.controllerUrl]: 'http://127.0.0.1:1',
}

test('a wrong configuration is reported whole, with exit code 64', async () => {
  const { code, err } = await run({ AZDS_MODE: 'router', [ENV.adminPort]: '99999' })
  expect(code).toBe(64)
  expect(
    err
      .trim()
      .split('\n')
      .map((line) => line.split(/[= ]/)[0])
      .sort(),
  ).toEqual(['AZDS_ADMIN_PORT', 'AZDS_MODE', 'AZDS_POD_NAME', 'AZDS_POD_NAMESPACE'])
}, 20_000)

test('it says where it listens, drains on SIGTERM and exits with 0', async () => {
  const { code, out } = await run(GATEWAY, {
    onLine: (line, stop) => {
      if (line.includes('"listening"')) stop()
    },
  })
  expect(code).toBe(0)
  expect(out).toContain('"gateway":"')
  expect(out).toContain('"ending":"drained"')
}, 20_000)

test('a port that is taken ends it with exit code 1 and the port’s name', async () => {
  let second: ReturnType<typeof run> | null = null
  await run(GATEWAY, {
    onLine: (line, stop) => {
      if (!line.includes('"listening"')) return
      const port = /"gateway":"[^"]*:(\d+)"/.exec(line)?.[1] ?? ''
      second = run({ ...GATEWAY, AZDS_GATEWAY_PORT: port })
      void second.then(stop)
    },
  })
  const { code, out } = (await second) as unknown as Awaited<ReturnType<typeof run>>
  expect(code).toBe(1)
  expect(out).toMatch(/cannot listen on port \d+: .*EADDRINUSE/)
}, 20_000)
