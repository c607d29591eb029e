import { parseSync } from 'oxc-parser'

/** A node of an ESTree as oxc-parser gives it. Offsets are UTF-16 code units. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [property: string]: unknown
}

export function parse(name: string, source: string): SyntaxNode {
  return parseSync(name, source).program as unknown as SyntaxNode
}

/** Calls `visit` for a node and everything below it. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => void,
  parent?: SyntaxNode,
): void {
  visit(node, parent)
  for (const child of childrenOf(node)) walk(child, visit, node)
}

/** The nodes right below a node. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node)
    .flat()
    .filter((child): child is SyntaxNode => typeof (child as SyntaxNode | null | undefined)?.type === 'string')
}

/** The leftmost identifier of a chain of calls and members: `z` of `z.string().min(1)`. */
export function rootName(node: SyntaxNode): string | undefined {
  let current: SyntaxNode | undefined = node
  while (current !== undefined) {
    if (current.type === 'Identifier') return current.name as string
    if (current.type === 'CallExpression') current = current.callee as SyntaxNode
    else if (current.type === 'MemberExpression') current = current.object as SyntaxNode
    else return undefined
  }
  return undefined
}
