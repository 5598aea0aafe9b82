/** Reads the comments above the entries of a table or interface in a source text. */

/**
 * Comments by entry name, for `export const NAME = { … }` and `export interface NAME { … }`, whose
 * entries stand two blanks in. Throws if there is no such declaration.
 */
export function docComments(source: string, name: string): Map<string, string> {
  const start = new RegExp(`^export (?:const|interface) ${name}\\b.*\\{$`, 'm').exec(source)
  if (!start) throw new Error(`no "export const ${name} = {" or interface of that name was found`)
  const rest = source.slice(start.index + start[0].length)
  const block = rest.slice(0, rest.search(/^\}/m))
  const found = new Map<string, string>()
  for (const [, comment = '', key = ''] of block.matchAll(
    /^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}([A-Za-z]\w*)\??:/gm,
  )) {
    found.set(
      key,
      comment
        .replace(/\n\s*\*/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
  }
  return found
}
