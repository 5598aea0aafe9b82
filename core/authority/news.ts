/** What happens to an authority, in the words of the Events on its Secret. */

export interface AuthorityNews {
  type: 'Normal' | 'Warning'
  /** CamelCase, as Events have it. */
  reason: string
  message: string
}

const NEWS = {
  made: ['Normal', 'AuthorityMade', 'A new authority was made'],
  restored: ['Warning', 'AuthorityRestored', 'The authority was written back from memory'],
  announce: [
    'Normal',
    'AuthorityAnnounced',
    'A second authority is trusted from now on, and signs once it is known everywhere',
  ],
  switch: [
    'Normal',
    'AuthoritySwitched',
    'The new authority signs from now on; the one before stays trusted until its last certificate has ended',
  ],
  retire: ['Normal', 'AuthorityRetired', 'The authority before is trusted no more'],
  failing: ['Warning', 'AuthorityNotKept', 'The authority is held in memory only'],
  expiring: ['Warning', 'CertificateExpiring', 'A certificate was not renewed in time'],
} as const satisfies Record<string, readonly ['Normal' | 'Warning', string, string]>

export function newsOf(what: keyof typeof NEWS, cause: string): AuthorityNews {
  const [type, reason, text] = NEWS[what]
  return { type, reason, message: `${text}: ${cause}` }
}
