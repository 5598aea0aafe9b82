/** Writes kubeconfig files. */
import { stringify } from 'yaml'

export interface KubeconfigOptions {
  /** URL of the API server. */
  server: string
  caPem: string
  token: string
  namespace?: string
}

/** The text of a kubeconfig with one context, `playground`. */
export function kubeconfig({ server, caPem, token, namespace }: KubeconfigOptions): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'playground',
        cluster: {
          server,
          'certificate-authority-data': Buffer.from(caPem).toString('base64'),
        },
      },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [
      {
        name: 'playground',
        context: { cluster: 'playground', user: 'admin', ...(namespace && { namespace }) },
      },
    ],
    'current-context': 'playground',
  })
}
