import type { Token } from 'marked'
import MiniSearch, { type Options } from 'minisearch'
import { addressOf } from './html.ts'
import { anchors, type Page, plain } from './markdown.ts'
import type { Documentation } from './site-map.ts'

/** How the index is made, and read again in the browser. */
export const searchOptions: Options = { fields: ['title', 'page', 'text'], storeFields: ['title', 'page'] }

/** A section of a page, to be found. */
interface Section {
  /** Its address. */
  readonly id: string
  readonly title: string
  readonly page: string
  readonly text: string
}

/** The index of all sections, as a script that leaves it in `slipwaySearch`: a page that is a file may load no JSON. */
export function searchScript(docs: Documentation): string {
  const index = new MiniSearch<Section>(searchOptions)
  // What is claimed is quoted from pages that are found themselves.
  for (const page of docs.pages.values()) if (page.title !== 'Claims') index.addAll(sectionsOf(page))
  const made = { options: searchOptions, index: JSON.stringify(index) }
  return `globalThis.slipwaySearch = ${JSON.stringify(made)}\n`
}

function sectionsOf(page: Page): Section[] {
  const anchorOf = anchors()
  const sections: { id: string; title: string; page: string; text: string }[] = []
  for (const token of page.tokens) {
    if (token.type === 'heading') {
      const title = plain(token.tokens)
      const anchor = anchorOf(title)
      const id = token.depth === 1 ? addressOf(page.file) : `${addressOf(page.file)}#${anchor}`
      sections.push({ id, title, page: page.title, text: '' })
    } else {
      const last = sections.at(-1)
      if (last !== undefined) last.text += ` ${wordsOf(token)}`
    }
  }
  return sections
}

/** Words of a token without the marks of Markdown. */
const wordsOf = (token: Token): string => token.raw.replaceAll(/\]\([^)]*\)|[`*|[\]]|-{3,}/g, ' ')
