import { parse, rootName, type SyntaxNode, walk } from '../../lib/code/syntax.ts'

/** A row of docs/claims.md: what a document says, and what fails when that is false. */
interface Claim {
  readonly document: string
  /** The document's words. */
  readonly says: string
  readonly shows: readonly { readonly file: string; readonly title: string }[]
  /** Commands other than `npm test` that it is shown by. */
  readonly marks: readonly string[]
  /** What of the row is none of these. */
  readonly unread: string
}

/** Words alone: without line breaks, targets of links, emphasis and marks of code. */
const wordsOf = (markdown: string): string =>
  markdown
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*_`\\]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()

const show = /`((?:test|bench)\/[^`]+)`((?:,? "[^"]+")+)(?:; )?/g
const mark = /\((peers|bench)\)/g

/** The claims of a text like docs/claims.md, in its order. */
export function readClaims(text: string): Claim[] {
  return text
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [document = '', ...lines] = section.split('\n')
      const rows = lines.filter((line) => line.startsWith('|')).slice(2)
      return rows.map((row) => {
        const [, says = '', shown = '', ...more] = row.split(/(?<!\\)\|/)
        return {
          document,
          says: wordsOf(says),
          shows: [...shown.matchAll(show)].flatMap(([, file = '', titles = '']) =>
            [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title: wordsOf(title) })),
          ),
          marks: [...shown.matchAll(mark)].map(([, by]) => by as string),
          unread: `${shown.replaceAll(show, '').replaceAll(mark, '')}${more.join('')}`.trim(),
        }
      })
    })
}

/** The titles of a test file: texts in the calls of `it` and `describe`, tables of `each` included, bodies left out. */
export function titlesOf(source: string): string[] {
  const titles: string[] = []
  const collect = (node: SyntaxNode): void => {
    if (/Function/.test(node.type)) return
    if (node.type === 'Literal' && typeof node.value === 'string') titles.push(wordsOf(node.value))
    if (node.type === 'TemplateLiteral')
      titles.push(wordsOf((node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join('…')))
    for (const child of Object.values(node).flat()) if (isNode(child)) collect(child)
  }
  walk(parse('test.ts', source), (node) => {
    if (node.type === 'CallExpression' && /^(it|describe)$/.test(rootName(node) ?? ''))
      for (const argument of node.arguments as SyntaxNode[]) collect(argument)
  })
  return titles
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string'

/**
 * What is wrong with a list of claims.
 * @param documents the files whose claims are to be listed
 * @param read a file's text, undefined where there is none
 */
export function faultsOf(
  claims: string,
  documents: readonly string[],
  read: (file: string) => string | undefined,
): string[] {
  const listed = readClaims(claims)
  const faults: string[] = []
  for (const document of documents)
    if (!listed.some((claim) => claim.document === document)) faults.push(`${document}: no claims are listed`)
  const kept = new Map<string, readonly string[] | undefined>()
  const known = (file: string): readonly string[] | undefined => {
    if (!kept.has(file)) {
      const text = read(file)
      kept.set(file, text === undefined ? text : file.startsWith('test/') ? titlesOf(text) : [wordsOf(text)])
    }
    return kept.get(file)
  }
  for (const { document, says, shows, marks, unread } of listed) {
    if (unread !== '') faults.push(`${document}: "${says}": ${unread} cannot be read`)
    if (!known(document)?.some((words) => words.includes(says))) faults.push(`${document} does not say "${says}"`)
    if (shows.length === 0) faults.push(`${document}: nothing shows "${says}"`)
    for (const { file, title } of shows) {
      const titles = known(file)
      if (titles === undefined) faults.push(`${file}: there is no such file`)
      else if (!titles.some((words) => words.includes(title))) faults.push(`${file} has no "${title}"`)
    }
    const commands = shows.map(({ file }) => (/^test\/(?!peers\/)/.test(file) ? 'test' : file.split('/').at(-2)))
    const expected = commands.includes('test') ? [] : [...new Set(commands)]
    if (expected.join() !== marks.join()) faults.push(`${document}: "${says}" is to be marked by ${expected.join()}`)
  }
  return faults
}
