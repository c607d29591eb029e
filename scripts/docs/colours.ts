import { createRequire } from 'node:module'

/** What is used of highlight.js, whose own types would bring those of browsers into every file of this repository. */
interface HighlightJs {
  registerLanguage(name: string, language: unknown): void
  registerAliases(aliases: readonly string[], of: { readonly languageName: string }): void
  getLanguage(name: string): unknown
  highlight(code: string, options: { readonly language: string }): { readonly value: string }
}

const require = createRequire(import.meta.url)
const hljs: HighlightJs = require('highlight.js/lib/core')

const languages = { bash: ['sh'], json: [], python: ['py'], typescript: ['ts', 'js', 'mjs'], yaml: ['yml'] } as const
for (const [languageName, aliases] of Object.entries(languages)) {
  hljs.registerLanguage(languageName, require(`highlight.js/lib/languages/${languageName}`))
  hljs.registerAliases(aliases, { languageName })
}

/** Text as HTML shows it. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Code as HTML, with colours where the language is known: spans with classes. */
export function highlighted(code: string, language: string): string {
  return hljs.getLanguage(language) === undefined ? escaped(code) : hljs.highlight(code, { language }).value
}
