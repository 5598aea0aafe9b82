/** The few forms of Markdown that the generated reference uses. */

/** A page with its title, the note that it is generated, and sections. */
export function page(title: string, from: string, ...sections: readonly string[]): string {
  const note = `Generated from ${from} by \`npm run docs\`; do not edit.`
  return `${[`# ${title}`, note, ...sections.filter((section) => section !== '')].join('\n\n')}\n`
}

export function section(title: string, ...parts: readonly string[]): string {
  return [`## ${title}`, ...parts.filter((part) => part !== '')].join('\n\n')
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Text as code; nothing for nothing. */
export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** A sentence that ends as one, however its table writes it. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

function cell(text: string): string {
  const parts = text.replaceAll('|', '\\|').replaceAll('\n', ' ').split('`')
  // Odd parts stand between backticks, where nothing is markup.
  return parts.map((part, i) => (i % 2 === 0 ? part.replaceAll('<', '&lt;') : part)).join('`')
}
