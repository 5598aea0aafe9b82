/** docs/reference/values.md: the values of the Helm chart, out of its values.yaml with the comments there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml'
import { code, page, sentence, table } from './markdown.ts'

interface ValueRow {
  path: string
  default: string
  about: string
}

export function valuesPage(root: string): string {
  const rows = valueRows(readFileSync(join(root, 'deploy/chart/values.yaml'), 'utf8'))
  return page(
    'Values of the chart',
    'the comments in `deploy/chart/values.yaml`',
    'Set with `--set` or a file (`-f`) of `helm` or `azds install`. A value that is not in this list is refused, and so is\none of the wrong form.',
    table(
      ['value', 'default', 'what it is'],
      rows.map((row) => [code(row.path), code(row.default), sentence(row.about)]),
    ),
  )
}

/** One row for each key with a comment; what is below such a key is its default. */
export function valueRows(text: string): ValueRow[] {
  const { contents } = parseDocument(text)
  return isMap(contents) ? rowsOf(contents, '') : []
}

function rowsOf(map: YAMLMap, above: string): ValueRow[] {
  return map.items.flatMap((pair, index) => {
    const path = `${above}${keyOf(pair)}`
    const about = aboutOf(map, pair, index)
    if (about !== '') return [{ path, default: inOneLine(pair.value), about }]
    return isMap(pair.value) ? rowsOf(pair.value, `${path}.`) : []
  })
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : ''
}

/** A comment before the first key of a map belongs to the map, as the parser sees it. */
function aboutOf(map: YAMLMap, pair: Pair, index: number): string {
  const own = isScalar(pair.key) ? pair.key.commentBefore : undefined
  const text = own ?? (index === 0 ? map.commentBefore : undefined) ?? ''
  return text.replaceAll(/^ /gm, '').replaceAll('\n', ' ').trim()
}

function inOneLine(value: unknown): string {
  return JSON.stringify((value as { toJSON(): unknown }).toJSON())
}
