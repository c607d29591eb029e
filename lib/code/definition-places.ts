import type { SourcePlace } from '../formats/errors.ts'
import { parse, type SyntaxNode, walk } from './syntax.ts'
import { positionAt } from './user-fault.ts'

/** Where something stands in a file: line and column from 1. */
type Position = Pick<SourcePlace, 'line' | 'column'>

/**
 * Where the gates of a `p.gate(…, { must: [ … ] })` stand, in their order; empty where its list is not written there.
 * @param text the file
 * @param call a position within the call, as a stack names it
 */
export function gatePositions(text: string, call: Position): Position[] {
  const offset = offsetOf(text, call)
  let calls: SyntaxNode[] = []
  walk(parse('definition.ts', text), (node) => {
    if (node.type === 'CallExpression' && node.start <= offset && offset < node.end) calls = [...calls, node]
  })
  // What encloses a call was visited before it.
  for (const node of calls.reverse()) {
    const must = (node.arguments as SyntaxNode[]).flatMap((argument) => propertiesOf(argument, 'must'))[0]
    const list = must?.value as SyntaxNode | undefined
    if (list?.type !== 'ArrayExpression') continue
    const gates = list.elements as (SyntaxNode | null)[]
    // Of a list that is spread into it nobody can tell how long it is.
    const written = gates.findIndex((gate) => gate === null || gate.type === 'SpreadElement')
    return (written < 0 ? gates : gates.slice(0, written)).map((gate) => positionAt(text, (gate as SyntaxNode).start))
  }
  return []
}

/** Where a schema names a column: its only property in calls of `object`. Undefined for several, or none. */
export function columnPosition(text: string, column: string): Position | undefined {
  const found: SyntaxNode[] = []
  walk(parse('schema.ts', text), (node) => {
    if (node.type !== 'CallExpression') return
    const callee = node.callee as SyntaxNode
    const name = (callee.type === 'MemberExpression' ? callee.property : callee) as SyntaxNode
    if (!/^(?:strict|loose)?object$/i.test(String(name.name))) return
    for (const argument of node.arguments as SyntaxNode[]) found.push(...propertiesOf(argument, column))
  })
  const [only, ...others] = found
  return only === undefined || others.length > 0 ? undefined : positionAt(text, only.start)
}

function propertiesOf(node: SyntaxNode, name: string): SyntaxNode[] {
  if (node.type !== 'ObjectExpression') return []
  return (node.properties as SyntaxNode[]).filter(({ key, computed }) => {
    const { name: word, value } = (key ?? {}) as { name?: unknown; value?: unknown }
    return computed !== true && (word ?? value) === name
  })
}

function offsetOf(text: string, { line, column }: Position): number {
  const before = text.split('\n').slice(0, line - 1)
  return before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1
}
