import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { commandsIn, isShell } from './blocks.ts'
import { refusal, slipwayCalls } from './command-lines.ts'
import type { Page } from './markdown.ts'
import type { Documentation } from './site-map.ts'

/** What is wrong with the documentation: `docs/batch.md: …`, a line each. */
export function faultsOf(docs: Documentation): string[] {
  return [...faultsOfParts(docs), ...[...docs.pages.values()].flatMap((page) => faultsOfPage(docs, page))]
}

/** Every page stands in exactly one part, and every part names pages that are there. */
function faultsOfParts({ map, pages }: Documentation): string[] {
  const listed = map.parts.flatMap((part) => part.pages.map((file) => ({ file, part: part.name })))
  const faults: string[] = []
  for (const { file, part } of listed) if (!pages.has(file)) faults.push(`docs/site.json: ${part} has no page ${file}`)
  for (const file of pages.keys()) {
    const parts = listed.filter((each) => each.file === file).map(({ part }) => part)
    if (parts.length === 0) faults.push(`${file} is in no part of docs/site.json`)
    if (parts.length > 1) faults.push(`${file} is in several parts of docs/site.json: ${parts.join(', ')}`)
  }
  return faults
}

function faultsOfPage(docs: Documentation, page: Page): string[] {
  const faults: string[] = []
  for (const link of page.links) {
    const fault = faultOfLink(docs, page, link)
    if (fault !== undefined) faults.push(`${page.file}: ${link}: ${fault}`)
  }
  if (page.headings.filter(({ depth }) => depth === 1).length !== 1) faults.push(`${page.file}: not one title`)
  for (const { line, command } of page.blocks.filter(isShell).flatMap(commandsIn))
    for (const args of slipwayCalls(command)) {
      const said = refusal(args)
      if (said !== undefined) faults.push(`${page.file}:${line}: ${command}: ${said}`)
    }
  return faults
}

/** Where a link leads, relative to the repository. */
export function targetOf(page: Page, link: string): { readonly file: string; readonly anchor: string } {
  const [path = '', anchor = ''] = link.split('#')
  return { file: path === '' ? page.file : normalize(join(dirname(page.file), path)).replace(/\/$/, ''), anchor }
}

/** Links to other sites are not followed: no test depends on somebody else's. */
export const isElsewhere = (link: string): boolean => /^[a-z]+:/.test(link)

function faultOfLink({ root, pages }: Documentation, page: Page, link: string): string | undefined {
  if (isElsewhere(link)) return
  const { file, anchor } = targetOf(page, link)
  if (file.startsWith('..')) return 'leads out of the repository'
  if (!pages.has(file) && !existsSync(join(root, file))) return 'there is no such file'
  if (anchor === '') return
  const target = pages.get(file)
  if (target === undefined) return 'anchors are of pages only'
  return target.headings.some((heading) => heading.anchor === anchor) ? undefined : 'there is no such heading'
}
