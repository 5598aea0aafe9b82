/** Settings of azds that come from the environment; flags win over them. */
import { type Config, optionalText, type Settings } from '../core/config.ts'

export const settings = {
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
