/**
 * A text that stays a text wherever Markdown of GitHub or GitLab puts it: no markup, no HTML, no mention of a person or
 * an issue, no link, no cell of its own. One line.
 */
export function plain(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them belongs into a page
      .replaceAll(/[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+/g, ' ')
      .trim()
      // The comment parts these two from what follows: they are read in the finished page, where an entity is a sign.
      .replaceAll(/[@#]|[&<>"'`*_~|\\[\](){}!:$^]|^[-+=]|(?<=^\d+)\.(?= |$)|(?<=\bwww)\./gi, (sign) =>
        sign === '@' || sign === '#' ? `${sign}<!-- -->` : `&#${sign.charCodeAt(0)};`,
      )
  )
}

/** A name, a digest or a command, in the letters of code. */
export const code = (text: string): string => `<code>${plain(text)}</code>`

/** A table of cells that are Markdown already. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Lines that are folded away until somebody opens them. */
export const folded = (title: string, content: string): string =>
  `<details><summary>${plain(title)}</summary>\n\n${content}\n\n</details>`

/** A command as people copy it, by itself. A fence longer than any in the text cannot be ended by it. */
export function commandBlock(command: string): string {
  const longest = Math.max(2, ...[...command.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}sh\n${command}\n${fence}`
}

/**
 * Cuts a page at the end of a line, and says so.
 * @param most bytes of UTF-8, of what is left and what is said; where not even that has room nothing is left
 */
export function cutToBytes(page: string, most: number): string {
  if (Buffer.byteLength(page) <= most) return page
  const said = '\n\nThis page is cut: it is longer than what is shown here.\n'
  const room = most - Buffer.byteLength(said)
  if (room < 0) return ''
  const kept = Buffer.from(page).subarray(0, room)
  return `${kept.subarray(0, Math.max(0, kept.lastIndexOf('\n'))).toString()}${said}`
}
