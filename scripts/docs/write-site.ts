import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { isElsewhere, targetOf } from './checks.ts'
import { escaped, highlighted } from './colours.ts'
import { addressOf, bodyOf, contentsOf, documentOf, sourceAddressOf } from './html.ts'
import { searchScript } from './search.ts'
import type { Documentation } from './site-map.ts'

/**
 * Writes the site, which needs no server and no network.
 * @param folder emptied first
 * @returns how many pages it has, those of sources left out
 */
export function writeSite(docs: Documentation, folder: string): number {
  rmSync(folder, { recursive: true, force: true })
  const write = (address: string, text: string): void => {
    mkdirSync(dirname(join(folder, address)), { recursive: true })
    writeFileSync(join(folder, address), text)
  }
  for (const page of docs.pages.values()) {
    const { file, title, headings } = page
    const part = docs.map.parts.find(({ pages }) => pages.includes(file))
    const frame = { title, address: addressOf(file), body: bodyOf(docs, page), contents: headings }
    write(addressOf(file), documentOf(docs, part === undefined ? frame : { ...frame, part }))
  }
  const contents = { title: docs.map.title, address: 'contents.html', body: contentsOf(docs) }
  write('contents.html', documentOf(docs, contents))
  for (const file of sourcesOf(docs)) copySource(docs, file, folder, write)
  cpSync(join(docs.root, 'scripts/docs/assets'), join(folder, 'assets'), { recursive: true })
  const search = createRequire(join(docs.root, 'package.json')).resolve('minisearch')
  cpSync(join(dirname(search), '../umd/index.js'), join(folder, 'assets/minisearch.js'))
  write('assets/search-index.js', searchScript(docs))
  return docs.pages.size
}

/** Files and folders of the repository that pages link to and that are no pages. */
function sourcesOf(docs: Documentation): string[] {
  const targets = [...docs.pages.values()].flatMap((page) =>
    page.links.filter((link) => !isElsewhere(link)).map((link) => targetOf(page, link).file),
  )
  return [...new Set(targets)].filter((file) => !docs.pages.has(file)).sort()
}

const pictures = ['.png', '.svg', '.jpg', '.webp', '.gif']

function copySource(
  docs: Documentation,
  file: string,
  folder: string,
  write: (address: string, text: string) => void,
): void {
  const path = join(docs.root, file)
  if (pictures.includes(extname(file))) {
    cpSync(path, join(folder, file))
    return
  }
  const body = statSync(path).isDirectory()
    ? `<ul>${readdirSync(path)
        .map((name) => `<li>${escaped(name)}</li>`)
        .join('')}</ul>`
    : `<pre tabindex="0"><code>${highlighted(readFileSync(path, 'utf8'), extname(file).slice(1))}</code></pre>`
  const address = sourceAddressOf(file)
  write(address, documentOf(docs, { title: file, address, body: `<h1>${escaped(file)}</h1>\n${body}` }))
}
