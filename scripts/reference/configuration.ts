/** docs/reference/configuration.md: every environment variable and flag of every program. */
import { settings as cli } from '../../cli/config.ts'
import { settings as controller } from '../../controller/config.ts'
import type { Setting, Settings } from '../../core/config.ts'
import { settings as playgroundNode } from '../../playground/node/config.ts'
import { flags as playgroundFlags } from '../../playground/options.ts'
import { settings as proxy } from '../../proxy/config.ts'
import { settings as proxyInit, flags as proxyInitFlags } from '../../proxy-init/config.ts'
import { settings as webhook } from '../../webhook/config.ts'
import { code, page, section, sentence, table } from './markdown.ts'

interface Program {
  title: string
  about: string
  settings: Settings
  flags?: readonly { flag: string; doc: string }[]
}

const PROGRAMS: readonly Program[] = [
  {
    title: 'webhook',
    about: 'The admission server. Its variables are set in its Deployment.',
    settings: webhook,
  },
  {
    title: 'devspaces-proxy-init',
    about: 'The init container. The webhook writes its variables into the pod.',
    settings: proxyInit,
    flags: Object.values(proxyInitFlags),
  },
  {
    title: 'devspaces-proxy',
    about:
      'The sidecar, and with `AZDS_MODE=gateway` the gateway. The webhook writes the sidecar’s variables into the pod.',
    settings: proxy,
  },
  {
    title: 'controller',
    about: 'The in-cluster API. Its variables are set in its Deployment.',
    settings: controller,
  },
  {
    title: 'azds',
    about: 'The command line. Its flags are in [cli.md](cli.md), and win over variables.',
    settings: cli,
  },
  {
    title: 'npm start',
    about: 'The playground. It sets the variables of its node itself.',
    settings: playgroundNode,
    flags: playgroundFlags,
  },
]

export function configurationPage(): string {
  return page(
    'Configuration',
    'the table `settings` in each program’s `config.ts`',
    'Programs read environment variables once, at their start. An empty variable counts as unset. A program with a\nwrong value names every mistake and ends with exit code 64.',
    ...PROGRAMS.map(({ title, about, settings, flags = [] }) =>
      section(
        title,
        about,
        table(['Variable', 'What it is', 'Form', 'Default'], Object.values(settings).map(row)),
        flags.length === 0
          ? ''
          : table(
              ['Flag', 'What it does'],
              flags.map(({ flag, doc }) => [code(flag), sentence(doc)]),
            ),
      ),
    ),
  )
}

function row(setting: Setting<unknown>): string[] {
  const { env, doc, form, secret } = setting
  return [code(env), `${sentence(doc)}${secret ? ' Secret.' : ''}`, form, defaultOf(setting)]
}

function defaultOf({ default: text, secret }: Setting<unknown>): string {
  if (text === undefined) return 'must be set'
  if (text === '') return 'unset'
  return secret ? 'secret' : code(text)
}
