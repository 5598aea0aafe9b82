/** Reads Server-Sent Events line by line (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

/**
 * Makes a reader of lines. The controller sends each event's data in one line, and the streams that
 * feed this drop empty lines, so an event is complete with its data.
 */
export function eventReader(
  onEvent: (event: string, data: string) => void,
): (line: string) => void {
  let event = 'message'
  return (line) => {
    if (line.startsWith(':')) return
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') event = value
    if (field !== 'data') return
    onEvent(event, value)
    event = 'message'
  }
}
