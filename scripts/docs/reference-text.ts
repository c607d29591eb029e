/** Text in code marks; a bar would end the cell of a table. */
export const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

/** A capital and a full stop. */
export function sentence(text: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`
  return ended.charAt(0).toUpperCase() + ended.slice(1)
}

const widest = 120

/** Words in lines of at most 120 characters. */
export function paragraph(...words: readonly string[]): string {
  const lines: string[] = ['']
  for (const word of words.join(' ').split(/\s+/)) {
    const last = lines.at(-1) as string
    if (last !== '' && [...last].length + 1 + [...word].length > widest) {
      // A number and a bracket at the beginning of a line would begin a list: the word before comes along.
      const cut = /^\d+[.)]$/.test(word) ? last.lastIndexOf(' ') : -1
      if (cut < 0) lines.push(word)
      else lines.splice(-1, 1, last.slice(0, cut), `${last.slice(cut + 1)} ${word}`)
    } else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.join('\n')
}

/** A table, columns as wide as their cells. A bar in a cell would end it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) =>
    row.map((cell) => cell.replaceAll(/\s+/g, ' ').replaceAll(/(?<!\\)\|/g, '\\|')),
  )
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`
  const [top = [], ...body] = all
  return [line(top), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}

/** A comment as Markdown: paragraphs, code as it is, and a line each of what is tagged. */
export function docText(doc: string): string {
  const [words = '', ...tags] = doc.split(/^(?=@(?:param|returns|throws|default)\b)/m)
  const body = words
    .split(/(^```[\s\S]*?^```$)/m)
    .flatMap((part) => (part.startsWith('```') ? [part] : part.split(/\n\s*\n/).map((each) => paragraph(each.trim()))))
    .filter((part) => part !== '')
  const lines = tags.map((tag) => {
    const [, kind = '', rest = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(tag) ?? []
    const [, name = '', said = ''] = /^(\w+)\s+([\s\S]*)$/.exec(rest) ?? []
    const text = kind === 'param' ? `- ${code(name)}: ${said}` : `- ${sentence(kind).replace(/\.$/, '')} ${rest}`
    return paragraph(text.trim()).replaceAll('\n', '\n  ')
  })
  return [...body, ...(lines.length === 0 ? [] : [lines.join('\n')])].join('\n\n')
}
