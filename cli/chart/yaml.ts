/** YAML as Helm and kubectl read and write it: 1.1, where `yes` is true and 0644 is octal, without its times. */
import {
  type DocumentOptions,
  parseAllDocuments,
  type SchemaOptions,
  stringify,
  type Tags,
} from 'yaml'

/** A number has a digit; by 1.1's own rule `e0` and `.` were numbers too. */
const NUMBER_WITH_DIGIT = {
  EXP: /^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$/,
  '': /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/,
} as const

/** Dates and base-60 numbers (`12:30`) are the two kinds of 1.1 that neither of them knows. */
function customTags(tags: Tags): Tags {
  return tags.flatMap((tag) => {
    if (typeof tag === 'string') return [tag]
    const format = 'format' in tag ? tag.format : undefined
    if (tag.tag === 'tag:yaml.org,2002:timestamp' || format === 'TIME') return []
    if (tag.tag !== 'tag:yaml.org,2002:float') return [tag]
    // The third kind of float is NaN and infinity, and has words that nothing else could be.
    if (!('test' in tag) || tag.test?.test('.nan')) return [tag]
    return [{ ...tag, test: NUMBER_WITH_DIGIT[format === 'EXP' ? 'EXP' : ''] }] as Tags
  })
}

const DIALECT: DocumentOptions & SchemaOptions = { version: '1.1', customTags, merge: true }

/**
 * The values of all documents that are not empty.
 * @param name of the file, for errors: `values.yaml: …`
 */
export function readYaml(name: string, text: string): unknown[] {
  const documents = parseAllDocuments(text, { ...DIALECT, uniqueKeys: true })
  return documents.flatMap((document) => {
    if ('errors' in document && document.errors[0]) {
      throw new Error(`${name}: ${document.errors[0].message}`)
    }
    const value = 'toJS' in document ? document.toJS() : null
    return value === null || value === undefined ? [] : [value]
  })
}

/** Keys in order of the alphabet, long lines whole, no end of line at the end: as Helm's `toYaml`. */
export function toYaml(value: unknown): string {
  return stringify(value, {
    ...DIALECT,
    sortMapEntries: true,
    lineWidth: 0,
    indentSeq: false,
    aliasDuplicateObjects: false,
  }).trimEnd()
}
