/** Settings of azds that come from the environment; flags win over them. */
import { type Config, optionalText, optionalUrl, type Settings } from '../core/config.ts'

export const settings = {
  controller: optionalUrl({
    env: 'AZDS_CONTROLLER',
    doc: 'Where traces are asked for in place of the API server: the address of a viewer, or of a controller with AZDS_PLAIN_DATA=on.',
  }),
  kubeconfig: optionalText({
    env: 'KUBECONFIG',
    doc: 'Path of a kubeconfig, or several with `:` between; unset: ~/.kube/config.',
  }),
  noColour: optionalText({
    env: 'NO_COLOR',
    doc: 'Anything: no colours (https://no-color.org). They are only used on a terminal anyway.',
  }),
} as const satisfies Settings

export type CliConfig = Config<typeof settings>
