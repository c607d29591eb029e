import { fieldOf, type Proposal, type ProposedColumn } from '../propose.ts'
import { inComment, keyOf } from '../words.ts'

/** Whether texts of the file are turned into dates and numbers first. */
export const isTurned = ({ columns }: Proposal): boolean => columns.some(({ convert }) => convert !== undefined)

/** `schema.ts`: the contract of a row. */
export function schemaFile(proposal: Proposal): string {
  const { table, columns } = proposal
  const named = new Set(columns.map(({ profile }) => profile.name))
  const unread = table.columns.filter(({ name }) => !named.has(name)).map(({ name }) => name)
  const more = unread.length > 12 ? ` and ${unread.length - 12} more` : ''
  const lines = [
    "import { z } from 'zod'",
    '',
    ...commentOf(
      `A row of ${table.from}, as its ${table.looked.toLocaleString('en')} rows are: make it say what rows must be.`,
      ...(unread.length > 0
        ? [`Columns that are not named here are not read: ${unread.slice(0, 12).join(', ')}${more}.`]
        : []),
    ),
    'export const Row = z.object({',
    ...columns.flatMap((column) => [`  /** ${capital(seen(column))}. */`, `  ${fieldOf(column)},`]),
    '})',
  ]
  if (isTurned(proposal))
    lines.push(
      '',
      ...commentOf(
        'The same row as the file has it: dates and numbers that are texts there are turned in pipeline.ts.',
      ),
      'export const RawRow = Row.extend({',
      ...columns
        .filter(({ convert }) => convert !== undefined)
        .map(({ profile, nullable }) => `  ${keyOf(profile.name)}: z.string()${nullable ? '.nullable()' : ''},`),
      '})',
    )
  return `${lines.join('\n')}\n`
}

const seen = ({ seen: values, role }: ProposedColumn): string =>
  role === 'target' ? `What is predicted: ${values}` : role === 'unused' ? `No feature: ${values}` : values
const capital = (text: string): string => (/^[a-z]+ [a-z]/.test(text) ? text[0]?.toUpperCase() + text.slice(1) : text)

/** A comment of some sentences, its lines at most 116 characters wide. */
export function commentOf(...sentences: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of inComment(sentences.join(' ')).split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + word.length > 112) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines.length === 1 ? [`/** ${lines[0]} */`] : ['/**', ...lines.map((line) => ` * ${line}`), ' */']
}
