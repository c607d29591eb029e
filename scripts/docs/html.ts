import { Marked, type Tokens } from 'marked'
import { isElsewhere, targetOf } from './checks.ts'
import { escaped, highlighted } from './colours.ts'
import { anchors, type Page, plain } from './markdown.ts'
import type { Documentation, Part } from './site-map.ts'

/** Where a page stands on the site: README.md of a folder is its index. */
export const addressOf = (file: string): string =>
  file.replace(/(^|\/)README\.md$/, '$1index.md').replace(/\.md$/, '.html')

/** Where a file of the repository stands that a page links to. */
export const sourceAddressOf = (file: string): string => `source/${file}.html`

/** From one address to another, both relative to the site. */
export function relativeAddress(from: string, to: string): string {
  const up = '../'.repeat(from.split('/').length - 1)
  return `${up}${to}`
}

/** The body of a page as HTML. */
export function bodyOf(docs: Documentation, page: Page): string {
  const address = addressOf(page.file)
  const anchorOf = anchors()
  const linked = (href: string): string => {
    if (isElsewhere(href)) return href
    const { file, anchor } = targetOf(page, href)
    const to = docs.pages.has(file) ? addressOf(file) : sourceAddressOf(file)
    return `${relativeAddress(address, to)}${anchor === '' ? '' : `#${anchor}`}`
  }
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }: Tokens.Heading): string {
        const anchor = anchorOf(plain(tokens))
        const link = depth === 1 ? '' : ` <a class="anchor" href="#${anchor}" aria-label="Link to this section">#</a>`
        return `<h${depth} id="${anchor}">${this.parser.parseInline(tokens)}${link}</h${depth}>\n`
      },
      code({ text, lang }: Tokens.Code): string {
        const language = /^\w*/.exec(lang ?? '')?.[0] ?? ''
        return `<pre tabindex="0" data-language="${language}"><code>${highlighted(text, language)}</code></pre>\n`
      },
      link({ href, tokens }: Tokens.Link): string {
        return `<a href="${escaped(linked(href))}">${this.parser.parseInline(tokens)}</a>`
      },
      table(token: Tokens.Table): string {
        const cell = ({ tokens }: Tokens.TableCell, tag: string): string => {
          // A header that says nothing is no header.
          const element = tokens.length === 0 ? 'td' : tag
          return `<${element}>${this.parser.parseInline(tokens)}</${element}>`
        }
        const row = (cells: readonly Tokens.TableCell[], tag: string): string =>
          `<tr>${cells.map((each) => cell(each, tag)).join('')}</tr>`
        const label = escaped(token.header.map(({ tokens }) => plain(tokens)).join(', '))
        const body = token.rows.map((cells) => row(cells, 'td')).join('\n')
        const inside = `<table><thead>${row(token.header, 'th')}</thead><tbody>${body}</tbody></table>`
        return `<div class="table" role="group" aria-label="Table: ${label}" tabindex="0">${inside}</div>\n`
      },
      html({ text }: Tokens.HTML | Tokens.Tag): string {
        return text.startsWith('<!--') ? '' : text
      },
    },
  })
  return marked.parse(page.text, { async: false })
}

/** What stands around a page. */
interface Frame {
  readonly title: string
  readonly address: string
  readonly body: string
  /** Headings to jump to. */
  readonly contents?: Page['headings']
  readonly part?: Part
}

/** A whole document. Nothing in it runs or is styled in line, so its policy allows neither. */
export function documentOf(
  { map, pages }: Documentation,
  { title, address, body, contents = [], part }: Frame,
): string {
  const to = (target: string): string => relativeAddress(address, target)
  const item = (file: string): string => {
    const current = addressOf(file) === address ? ' aria-current="page"' : ''
    return `<li><a href="${to(addressOf(file))}"${current}>${escaped(pages.get(file)?.title ?? file)}</a></li>`
  }
  const parts = map.parts
    .map((each) => {
      const open = part === undefined || each === part ? ' open' : ''
      return `<details${open}><summary>${each.title}</summary><ul>${each.pages.map(item).join('')}</ul></details>`
    })
    .join('\n')
  const sections = contents.filter(({ depth }) => depth === 2)
  const toc = sections.map(({ text, anchor }) => `<li><a href="#${anchor}">${escaped(text)}</a></li>`).join('')
  return `<!doctype html>
<html lang="en" data-root="${to('')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}${title === map.title ? '' : ` · ${map.title}`}</title>
<link rel="stylesheet" href="${to('assets/style.css')}">
<script src="${to('assets/site.js')}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="home" href="${to('contents.html')}">${map.title}</a>
<div class="search">
<label for="search">Search</label>
<input id="search" type="search" autocomplete="off" placeholder="Press / to search" aria-controls="found">
<ul id="found" aria-label="Pages found" hidden></ul>
</div>
</header>
<div class="columns">
<nav class="parts" aria-label="Parts of the documentation">
${parts}
</nav>
<main id="main">
${body}
</main>
${toc === '' ? '' : `<nav class="contents" aria-label="On this page"><p>On this page</p><ul>${toc}</ul></nav>`}
</div>
</body>
</html>
`
}

/** The four parts with every page and its first sentence. */
export function contentsOf({ map, pages }: Documentation): string {
  const row = (file: string): string => {
    const page = pages.get(file)
    const sentence = (/^.*?[.:](?= |$)/.exec(page?.summary ?? '')?.[0] ?? '').replace(/:$/, '.')
    return `<dt><a href="${addressOf(file)}">${escaped(page?.title ?? file)}</a></dt><dd>${escaped(sentence)}</dd>`
  }
  const parts = map.parts.map(
    (part) =>
      `<section><h2 id="${part.name}">${part.title}</h2><p>${escaped(part.says)}</p><dl>${part.pages.map(row).join('')}</dl></section>`,
  )
  return `<h1>${map.title}</h1>\n${parts.join('\n')}`
}
