import type { Finding } from './finding.ts'

/** What ends a value of a command of GitHub's runner; `:` and `,` end a property besides. */
const ofData = { '%': '%25', '\r': '%0D', '\n': '%0A' } as const
const ofProperty = { ...ofData, ':': '%3A', ',': '%2C' } as const

const escaped = (text: string, codes: Readonly<Record<string, string>>): string =>
  text.replaceAll(/[%\r\n:,]/g, (character) => codes[character] ?? character)

/**
 * A finding as GitHub's runner reads it from what a step prints: it shows it on the line, in the pull request.
 * @param fileFrom makes a file of the project one of the repository
 */
export function annotation({ code, message, at }: Finding, fileFrom: (file: string) => string): string {
  const place = at === null ? {} : { file: fileFrom(at.file), line: String(at.line), col: String(at.column) }
  const properties = Object.entries({ ...place, title: code }).map(
    ([name, value]) => `${name}=${escaped(value, ofProperty)}`,
  )
  return `::error ${properties.join(',')}::${escaped(message, ofData)}`
}
