import { basename } from 'node:path'
import { parse, type SyntaxNode, walk } from '../../lib/code/syntax.ts'
import type { Durations } from './longest-first.ts'

/** The share of all time that the ten slowest files take, 0 to 1. */
export function shareOfSlowest(durations: Durations): number {
  const seconds = Object.values(durations).sort((a, b) => b - a)
  const sum = (of: readonly number[]): number => of.reduce((total, each) => total + each, 0)
  return seconds.length === 0 ? 0 : sum(seconds.slice(0, 10)) / sum(seconds)
}

/**
 * Programs that install, and products that are not ours, where a command begins: at the start of a text, after a space,
 * a slash or what ends a command before it.
 */
const forbidden =
  /(?:^|[\s/;&|("'`])(?:pip3?|venv|virtualenv|conda|apt-get|dpkg-deb|npm (?:ci|i|install)|npx (?!slipway\b)[\w@-]+|java|javac|mvn|gradle|spark-submit|playwright|puppeteer|chromium|chrome|firefox|mlflow|mlserver|tritonserver|docker|kafka[\w-]*|postgres|nginx|prometheus|alertmanager)(?=$|[\s"'`])/

/** Helpers that install something, or start what is not ours. */
export const installers = ['python', 'debian', 'postgres-server', 'chromium'].map((name) => `test/support/${name}.ts`)

/**
 * What a test file, or a helper of one, does that belongs to `npm run test:peers`: it names a program that installs or
 * is another product's, where it starts processes at all, or imports what installs.
 * @returns each with its text
 */
export function expensive(file: string, text: string): string[] {
  const texts: string[] = []
  const imports: string[] = []
  walk(parse(file, text), (node: SyntaxNode) => {
    const source = node.source as SyntaxNode | null | undefined
    if (source?.type === 'Literal') imports.push(String(source.value))
    else if (node.type === 'Literal' && typeof node.value === 'string') texts.push(node.value)
    else if (node.type === 'TemplateElement') texts.push((node.value as { cooked: string }).cooked)
  })
  const found = imports.filter((from) => installers.some((file) => basename(file) === basename(from)))
  if (imports.includes('node:child_process')) found.push(...texts.filter((each) => forbidden.test(each)))
  return found
}
