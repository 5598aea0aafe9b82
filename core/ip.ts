/** Which texts are IP addresses. `node:net` says the same, but costs what loads it 4 MB of memory. */

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)
const IPV6_LETTERS = /^[0-9a-fA-F:.]+$/

/** The family of an address as it is written in configurations, 4 or 6; 0 for anything else, zones included. */
export function ipFamily(text: string): 0 | 4 | 6 {
  if (IPV4.test(text)) return 4
  return IPV6_LETTERS.test(text) && URL.canParse(`http://[${text}]/`) ? 6 : 0
}
