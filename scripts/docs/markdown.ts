import { lexer, type Token, type Tokens } from 'marked'

/** A heading, and what links to it end with. */
export interface Heading {
  readonly depth: number
  readonly text: string
  readonly anchor: string
}

/** A fenced block of a page. */
export interface CodeBlock {
  /** `sh`, `ts`, …; '' where the fence says nothing. */
  readonly language: string
  readonly text: string
  /** Of its first line of code, from 1. */
  readonly line: number
  /** What a comment right before it says: `not run: it starts a server`. */
  readonly mark: string | undefined
}

/** A page of Markdown, read. */
export interface Page {
  /** Relative to the repository: `docs/batch.md`. */
  readonly file: string
  readonly text: string
  readonly title: string
  /** The text of its first paragraph. */
  readonly summary: string
  readonly tokens: readonly Token[]
  readonly headings: readonly Heading[]
  readonly blocks: readonly CodeBlock[]
  /** Where its links and pictures go, as they are written. */
  readonly links: readonly string[]
}

/** Text as a reader sees it, of inline tokens. */
export function plain(tokens: readonly Token[] | undefined): string {
  return (tokens ?? [])
    .map((token) => {
      if ('tokens' in token && token.tokens !== undefined) return plain(token.tokens)
      return token.type === 'br' ? ' ' : unescaped((token as Tokens.Text).text ?? '')
    })
    .join('')
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
const unescaped = (text: string): string =>
  text.replaceAll(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => entities[name] ?? whole)

/** GitHub's rule: lower case, punctuation left out, dashes for blanks; a second one of a page ends with -1. */
export function anchors(): (heading: string) => string {
  const seen = new Map<string, number>()
  return (heading) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  }
}

/** Reads a page. @param file relative to the repository */
export function readPage(file: string, text: string): Page {
  const tokens = lexer(text)
  const all = [...everyToken(tokens)]
  const anchorOf = anchors()
  const headings = all
    .filter((token): token is Tokens.Heading => token.type === 'heading')
    .map((token) => ({ depth: token.depth, text: plain(token.tokens), anchor: anchorOf(plain(token.tokens)) }))
  return {
    file,
    text,
    title: headings.find(({ depth }) => depth === 1)?.text ?? file,
    summary: plain((tokens.find(({ type }) => type === 'paragraph') as Tokens.Paragraph | undefined)?.tokens),
    tokens,
    headings,
    blocks: blocksOf(text),
    links: all
      .filter((token): token is Tokens.Link => token.type === 'link' || token.type === 'image')
      .map(({ href }) => unescaped(href)),
  }
}

/** Tokens with all below them, those of tables and lists too. */
function* everyToken(tokens: readonly Token[]): Generator<Token> {
  for (const token of tokens) {
    yield token
    if (token.type === 'list') for (const item of (token as Tokens.List).items) yield* everyToken([item])
    else if (token.type === 'table') {
      const { header, rows } = token as Tokens.Table
      for (const cell of [header, ...rows].flat()) yield* everyToken(cell.tokens)
    } else if ('tokens' in token && token.tokens !== undefined) yield* everyToken(token.tokens)
  }
}

const fence = /^( *)```(\w*)[^\n]*\n([\s\S]*?)^\1```/gm

function blocksOf(text: string): CodeBlock[] {
  return [...text.matchAll(fence)].map((found) => {
    const [, , language = '', code = ''] = found
    const before = text.slice(0, found.index)
    return {
      language,
      text: code,
      line: before.split('\n').length + 1,
      mark: /<!-- ([^\n]+?) -->\s*$/.exec(before)?.[1],
    }
  })
}
