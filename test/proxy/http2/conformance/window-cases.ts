/** Cases of flow control: RFC 9113 6.5.2, 6.5.3, 6.9. */
import { SETTING } from '../../../../proxy/http2/frame.ts'
import { data, settings, windowUpdate } from '../frames.ts'
import type { RawClient } from '../raw-client.ts'
import { ALIVE, answer, type Case, connectionError, streamError } from './outcome.ts'
import { announced, ask, OPEN, POST, received } from './requests.ts'

export const WINDOW_CASES: readonly Case[] = [
  {
    section: '6.9',
    name: 'windows of streams and of the connection may grow',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(windowUpdate(0, 1), windowUpdate(1, 1), data(1, 'x', true))
    },
    outcome: answer(),
  },
  {
    section: '6.9.1',
    name: 'no more is sent than the initial window allows',
    settings: [[SETTING.initialWindowSize, 1]],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'data')
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 1 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9.1',
    name: 'a stream goes on when its window grows',
    settings: [[SETTING.initialWindowSize, 1]],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'data')
      client.send(windowUpdate(1, 100))
    },
    outcome: answer(1, '200', 'GET / 0'),
  },
  {
    section: '6.9.1',
    name: 'a window of the connection above 2^31 - 1 ends it',
    act: (client) => client.send(windowUpdate(0, 0x7fff_ffff), windowUpdate(0, 0x7fff_ffff)),
    outcome: connectionError('flowControlError'),
  },
  {
    section: '6.9.1',
    name: 'a window of a stream above 2^31 - 1 is an error of the stream',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(windowUpdate(1, 0x7fff_ffff), windowUpdate(1, 0x7fff_ffff))
    },
    outcome: streamError(1, 'flowControlError'),
  },
  {
    section: '6.9.2',
    name: 'a new initial window counts for streams that are open',
    settings: [[SETTING.initialWindowSize, 0]],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'headers')
      client.send(settings([SETTING.initialWindowSize, 1]))
      await client.until((event) => event.kind === 'data' && event.text.length > 0)
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 1 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9.2',
    name: 'a window may become negative, and is filled up from there',
    settings: [[SETTING.initialWindowSize, 3]],
    act: async (client) => {
      ask(client, 1)
      await client.until(() => received(client, 1) === 3)
      client.send(settings([SETTING.initialWindowSize, 2]), windowUpdate(1, 2))
      await client.until(() => received(client, 1) === 4)
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 4 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9.2',
    name: 'an initial window that makes one exceed 2^31 - 1 ends the connection',
    act: async (client) => {
      ask(client, 1, POST, OPEN)
      client.send(windowUpdate(1, 0x7fff_0000))
      client.send(settings([SETTING.initialWindowSize, 0x7fff_ffff]))
    },
    outcome: connectionError('flowControlError'),
  },
  {
    section: '6.5.3',
    name: 'of two values of a setting the second counts',
    settings: [
      [SETTING.initialWindowSize, 100],
      [SETTING.initialWindowSize, 1],
    ],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'data')
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 1 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9',
    name: 'a body longer than all windows arrives as these are filled up',
    act: async (client) => {
      ask(client, 1, POST, OPEN)
      await sendBody(client, 1, 2_000_000)
    },
    outcome: answer(1, '200', 'POST / 2000000'),
  },
  {
    section: '6.9.1',
    name: 'DATA beyond the window of a stream is an error',
    act: (client) => {
      ask(
        client,
        1,
        POST.map(([n, v]) => [n, n === ':path' ? '/silent' : v] as const),
        OPEN,
      )
      const window = (announced(client, SETTING.initialWindowSize) ?? 65_535) + 16_384
      for (let sent = 0; sent < window; sent += 16_384) client.send(data(1, Buffer.alloc(16_384)))
    },
    outcome: streamError(1, 'flowControlError'),
  },
]

/** Sends a body as the windows that were heard of allow. */
async function sendBody(client: RawClient, streamId: number, bytes: number): Promise<void> {
  const initial = announced(client, SETTING.initialWindowSize) ?? 65_535
  let left = bytes
  while (left > 0) {
    const sent = bytes - left
    const room = Math.min(initial + credit(client, streamId), 65_535 + credit(client, 0)) - sent
    const size = Math.min(room, left, 16_384)
    if (size > 0) {
      left -= size
      client.send(data(streamId, Buffer.alloc(size), left === 0))
      continue
    }
    const count = client.heard.length
    if (!(await client.until(() => client.heard.length > count))) return
  }
}

function credit(client: RawClient, streamId: number): number {
  return client.heard.reduce(
    (sum, event) =>
      event.kind === 'window-update' && event.streamId === streamId ? sum + event.increment : sum,
    0,
  )
}
