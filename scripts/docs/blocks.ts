import { stripVTControlCharacters } from 'node:util'
import { commandsOf } from './command-lines.ts'
import type { CodeBlock, Page } from './markdown.ts'

/** A line of a shell on a page, and what it prints where the page shows that. */
export interface ShownCommand {
  readonly line: number
  readonly command: string
  readonly prints: string | undefined
}

/** Why the commands of a block are carried out by no test of the documentation, where the page says so. */
export const notRun = ({ mark }: CodeBlock): string | undefined => /^not run: (.+)$/.exec(mark ?? '')?.[1]

export const isShell = ({ language }: CodeBlock): boolean => language === 'sh' || language === 'console'

/** The commands of a page in its order, those of blocks that are not run left out. */
export function shownCommands(page: Page): ShownCommand[] {
  return page.blocks.filter((block) => isShell(block) && notRun(block) === undefined).flatMap(commandsIn)
}

/** Of ```sh every line; of ```console the lines that begin with `$`, each with what it prints. */
export function commandsIn({ language, text, line }: CodeBlock): ShownCommand[] {
  if (language === 'sh') return commandsOf(text).map((command) => ({ line, command, prints: undefined }))
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...printed] = part.split('\n')
      return { line, command: command.trim(), prints: printed.join('\n').trim() }
    })
}

/** A file of a page: the path that stands before its block, and the block. */
export interface ShownFile {
  readonly path: string
  readonly text: string
  readonly line: number
}

const named = /`((?:[\w-]+\/)*[\w.-]+\.(?:ts|json|csv|py))`[^`]*(?:`[^`\n]+`[^`]*)*$/

/** Files that a page tells to write, by the last path named in the paragraph before a block. */
export function shownFiles(page: Page): ShownFile[] {
  const lines = page.text.split('\n')
  return page.blocks.flatMap(({ text, line }) => {
    const before = lines
      .slice(0, line - 2)
      .join('\n')
      .trimEnd()
    const paragraph = before.slice(before.lastIndexOf('\n\n') + 1)
    const path = before.endsWith(':') || before.endsWith('.') ? named.exec(paragraph)?.[1] : undefined
    return path === undefined ? [] : [{ path, text, line }]
  })
}

/**
 * What printed text has in common from one time to the next: durations, digests, ids of runs, ports and dates are
 * replaced by what they are, and blanks count as one.
 */
export function steadyText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/(?<![a-z0-9-])[a-z][a-z0-9-]*-\d{8}-\d{6}-[a-z0-9]{4}\b/g, '<run>')
    .replaceAll(/\b(?:sha256:)?[0-9a-f]{12,64}\b/g, '<digest>')
    .replaceAll(/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?\b/g, '<time>')
    .replaceAll(/\b\d+(?:\.\d+)? ?(?:ms|s|min|h)\b/g, '<duration>')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replaceAll(/[ \t]+/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}
