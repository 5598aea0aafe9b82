/** docs/reference/annotations.md: labels, annotations, headers and ports, with their comments in core/names.ts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ANNOTATION, HEADER, LABEL, PORT } from '../../core/names.ts'
import { CHANGES } from '../../webhook/inject/mutate.ts'
import { WELL_KNOWN_PORTS } from '../../webhook/inject/well-known-ports.ts'
import { docComments } from './doc-comments.ts'
import { code, page, section, sentence, table } from './markdown.ts'

export function namesPage(root: string): string {
  const source = readFileSync(join(root, 'core/names.ts'), 'utf8')
  const tableOf = (title: string, name: string, entries: Record<string, string | number>) => {
    const docs = docComments(source, name)
    const rows = Object.entries(entries).map(([key, value]) => {
      const doc = docs.get(key)
      if (!doc) throw new Error(`core/names.ts: ${name}.${key} needs a comment of one sentence`)
      return [code(String(value)), sentence(doc)]
    })
    return table([title, 'What it is'], rows)
  }
  const request = [...docComments(source, 'BuildRequest')].map(([key, doc]) => [
    code(key),
    sentence(doc),
  ])
  return page(
    'Labels, annotations, headers and ports',
    '`core/names.ts`, `webhook/inject/mutate.ts` and `webhook/inject/well-known-ports.ts`',
    section('Labels', tableOf('Label', 'LABEL', LABEL)),
    section('Annotations', tableOf('Annotation', 'ANNOTATION', ANNOTATION)),
    section(`The JSON of ${ANNOTATION.build}`, table(['Key', 'What it is'], request)),
    section(
      'What an injection changes in a pod',
      'Nothing else. A copy of a pod that was injected before is first freed of what that has left.',
      table(
        ['Field', 'Change'],
        CHANGES.map(({ field, change }) => [code(field), sentence(change)]),
      ),
    ),
    section('Headers', tableOf('Header', 'HEADER', HEADER)),
    section(
      'Ports inside a pod',
      'No container of the app may use them.',
      tableOf('Port', 'PORT', PORT),
    ),
    section(
      'Well-known ports',
      `Connections to these ports of a pod go straight to the app, unless a Service or a container port says that they carry\nHTTP, or pod or namespace has its own list in ${code(ANNOTATION.opaquePorts)}: see [inbound ports](reasons.md#why-an-inbound-port-is-not-redirected).`,
      table(
        ['Port', 'Known for', 'Why the app should see its client'],
        WELL_KNOWN_PORTS.map(({ port, software, why }) => [`${port}`, software, sentence(why)]),
      ),
    ),
  )
}
