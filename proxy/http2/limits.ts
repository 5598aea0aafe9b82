/** What this proxy announces to its HTTP/2 peers, and what it holds them to. */
import { MAX_HEADER_LIST_BYTES, SETTING } from './frame.ts'

/**
 * Window of each stream, in bytes, in both directions, where its reader has none that is larger. Four times the
 * protocol's default, so that a hop of 1 ms carries 250 MB/s on one stream; it is also the most that is kept
 * for a reader that has stopped.
 */
export const STREAM_WINDOW = 262_144

/**
 * Largest window of a stream, in bytes. Readers that expect much from far away announce some MB (gRPC up to 16);
 * over 100 ms this one carries 20 MB/s and more. It can come to wait here if the reader's connection stops while its
 * stream would take more.
 */
export const MAX_STREAM_WINDOW = 4_194_304

/** Window of a connection, in bytes: a stream at full speed over a long distance. */
export const CONNECTION_WINDOW = 4_194_304

/**
 * Bytes of one connection that may wait for their readers before the connection's window is held
 * back, too. Up to here (16 streams whose readers have stopped altogether) no stream notices another;
 * beyond, memory counts for more. The most that one connection can have in memory is this and a window.
 */
export const MAX_QUEUED_BYTES = 16 * STREAM_WINDOW

/**
 * SETTINGS_MAX_CONCURRENT_STREAMS for clients. gRPC keeps a stream for each watch, and its servers mostly
 * allow more than the 100 that RFC 9113 recommends as the least; an idle stream costs some 2 KB here.
 */
export const MAX_STREAMS = 1_000

/** The SETTINGS that we send as the one and as the other end of a connection. */
export const OWN_SETTINGS = {
  server: [
    [SETTING.maxConcurrentStreams, MAX_STREAMS],
    [SETTING.initialWindowSize, STREAM_WINDOW],
    [SETTING.maxHeaderListSize, MAX_HEADER_LIST_BYTES],
  ],
  client: [
    [SETTING.enablePush, 0],
    [SETTING.initialWindowSize, STREAM_WINDOW],
    [SETTING.maxHeaderListSize, MAX_HEADER_LIST_BYTES],
  ],
} as const

/** Streams that are sent to a server before its SETTINGS have come; RFC 9113 6.5.2 names it. */
export const FIRST_MAX_STREAMS = 100

/**
 * Frames that cost the sender nothing and move nothing (PING, SETTINGS, PRIORITY, unknown types,
 * WINDOW_UPDATE, RST_STREAM, GOAWAY, DATA without a byte), before they are paid for by `EARNED_BY_WORK` or by time. A gRPC
 * client pings once a round trip at the most while it measures the bandwidth (each ping follows DATA,
 * which pays for it), and otherwise every 10 s or less; CVE-2019-9512 and its kin send 100,000 a second.
 */
export const IDLE_FRAME_BURST = 10_000
export const IDLE_FRAMES_PER_SECOND = 500

/** What a frame that carries a request, an answer or data pays for: acknowledging it takes two. */
export const EARNED_BY_WORK = 4

/**
 * Requests that a client may take back before there was any answer, and requests that break a rule
 * (CVE-2023-44487, CVE-2025-8671). Twice the burst of nghttp2 and six times its rate: a client of
 * which each call runs into its deadline stays below with 200 calls a second on one connection; an attack
 * makes 100,000.
 */
export const EARLY_RESET_BURST = 2_000
export const EARLY_RESETS_PER_SECOND = 200

/**
 * Acknowledgements and resets that may wait in user space for a peer that sends but does not read
 * (CVE-2019-9515, CVE-2019-9517): as many as nghttp2 and Envoy keep.
 */
export const MAX_UNREAD_REPLIES = 1_000

/**
 * Bytes, heads of requests above all, that may wait in user space for a server that does not read; what
 * comes then is answered with 503. HPACK lets a client ask for 64 KiB with twenty bytes. An app that
 * starts, or is stopped for a while, meets it with thousands of requests of the usual size.
 */
export const MAX_UNREAD_BYTES = 4_194_304

/** Streams whose late frames are ignored because they were reset here (RFC 9113 5.1), for each connection. */
export const MAX_REMEMBERED_RESETS = 1_000
