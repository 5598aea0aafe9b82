/** Settings of the playground's node; the host side sets them all. */
import { logLevel, text, url } from '../../core/config.ts'

export const settings = {
  dir: text({
    env: 'AZDS_PLAYGROUND_DIR',
    doc: 'Private directory that host and node share: sockets, kubeconfig, log.',
  }),
  repo: text({
    env: 'AZDS_PLAYGROUND_REPO',
    doc: 'The repository, which every container sees read-only.',
  }),
  apiUrl: url({
    env: 'AZDS_PLAYGROUND_API_URL',
    doc: 'Address of the API server as the host reaches it, for the kubeconfig.',
  }),
  logLevel: logLevel({
    env: 'AZDS_LOG_LEVEL',
    doc: 'Least important level that is written to the log.',
    default: 'info',
  }),
}
