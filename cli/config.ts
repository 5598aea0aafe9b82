/** Settings of azds that come from the environment; flags win over them. */
import { type Config, optionalText, type Parsed, type Settings } from '../core/config.ts'

export const settings = {
  controller: {
    ...optionalText({
      env: 'AZDS_CONTROLLER',
      doc: 'URL of the controller; unset: through the API server’s proxy.',
    }),
    form: 'an http:// or https:// URL, may be left unset',
    parse: (value: string): Parsed<string | null> => {
      if (value === '') return { ok: true, value: null }
      const sound = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
      if (!sound) return { ok: false, expected: 'an http:// or https:// URL' }
      return { ok: true, value: value.replace(/\/+$/, '') }
    },
  },
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
