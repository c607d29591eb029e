import { childrenOf, type SyntaxNode } from './syntax.ts'

/** Something at the top of a module that a function of it changes, so that a later call depends on an earlier one. */
export interface StateWrite {
  readonly what: string
  /** Where it is written. */
  readonly offset: number
}

const mutators: Readonly<Record<string, readonly string[]>> = {
  map: ['set', 'add', 'delete', 'clear'],
  list: ['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'copyWithin', 'set'],
  pattern: ['exec', 'test'],
}

/** Finds where functions of a bundle write what lies at its top, whether it is named or reached by a member. */
export function stateWrites(program: SyntaxNode): StateWrite[] {
  const kinds = topNames(program)
  const writes: StateWrite[] = []
  const look = (node: SyntaxNode, scopes: readonly ReadonlySet<string>[]): void => {
    const kindOf = (target: unknown): string | undefined => {
      const name =
        (target as SyntaxNode | null)?.type === 'Identifier' ? String((target as SyntaxNode).name) : undefined
      return name === undefined || scopes.some((scope) => scope.has(name)) ? undefined : kinds.get(name)
    }
    const inside = isFunction(node) ? [...scopes, boundIn(node)] : scopes
    if (scopes.length > 0) {
      const what = writeIn(node, kindOf)
      if (what !== undefined) writes.push({ what, offset: node.start })
    }
    for (const child of childrenOf(node)) look(child, isCalledAtOnce(node, child) ? scopes : inside)
  }
  look(program, [])
  return writes
}

/** What a node changes of the module's, in words. */
function writeIn(node: SyntaxNode, kindOf: (target: unknown) => string | undefined): string | undefined {
  const keeps = (target: SyntaxNode): string => `keeps something from one call to the next (${target.name})`
  const written =
    node.type === 'AssignmentExpression'
      ? (node.left as SyntaxNode)
      : node.type === 'UpdateExpression' || (node.type === 'UnaryExpression' && node.operator === 'delete')
        ? (node.argument as SyntaxNode)
        : undefined
  if (written !== undefined) {
    const target = [...targetsOf(written)].find((each) => kindOf(each) !== undefined)
    return target === undefined ? undefined : keeps(target)
  }
  const callee = node.type === 'CallExpression' ? (node.callee as SyntaxNode) : undefined
  if (callee?.type !== 'MemberExpression' || callee.computed === true) return undefined
  const kind = kindOf(callee.object)
  const method = String((callee.property as SyntaxNode).name)
  return kind !== undefined && mutators[kind]?.includes(method) ? keeps(callee.object as SyntaxNode) : undefined
}

/** The names that an assignment changes: themselves, in a pattern, or something of theirs. */
function* targetsOf(pattern: SyntaxNode): Generator<SyntaxNode> {
  if (pattern.type === 'Identifier') yield pattern
  else if (pattern.type === 'MemberExpression') yield* targetsOf(pattern.object as SyntaxNode)
  else if (pattern.type === 'AssignmentPattern') yield* targetsOf(pattern.left as SyntaxNode)
  else if (pattern.type === 'RestElement') yield* targetsOf(pattern.argument as SyntaxNode)
  else if (pattern.type === 'ArrayPattern')
    for (const element of pattern.elements as (SyntaxNode | null)[]) if (element !== null) yield* targetsOf(element)
  if (pattern.type === 'ObjectPattern')
    for (const property of pattern.properties as SyntaxNode[])
      yield* targetsOf(property.type === 'RestElement' ? property : (property.value as SyntaxNode))
}

/** What lies at the top of a bundle, by name: what kind of thing it is, as far as its initialiser says. */
function topNames(program: SyntaxNode): Map<string, string> {
  const kinds = new Map<string, string>()
  for (const statement of program.body as SyntaxNode[]) {
    if (statement.type === 'VariableDeclaration')
      for (const { id, init } of statement.declarations as { id: SyntaxNode; init: SyntaxNode | null }[])
        for (const name of targetsOf(id)) kinds.set(String(name.name), kindOfValue(init))
    else if (statement.type === 'ClassDeclaration' || statement.type === 'FunctionDeclaration')
      kinds.set(String((statement.id as SyntaxNode).name), 'other')
  }
  return kinds
}

function kindOfValue(init: SyntaxNode | null): string {
  const regex = init?.type === 'Literal' ? (init.regex as { flags: string } | undefined) : undefined
  if (regex !== undefined) return /[gy]/.test(regex.flags) ? 'pattern' : 'other'
  if (init?.type === 'ArrayExpression') return 'list'
  const made = init?.type === 'NewExpression' ? String((init.callee as SyntaxNode).name) : ''
  if (/^(Weak)?(Map|Set)$/.test(made)) return 'map'
  return /Array$/.test(made) ? 'list' : 'other'
}

const isFunction = ({ type }: SyntaxNode): boolean => /Function/.test(type)

/** A function that is called where it is written, once: the module's top goes on in it. */
const isCalledAtOnce = (node: SyntaxNode, child: SyntaxNode): boolean =>
  node.type === 'CallExpression' && node.callee === child && isFunction(child)

/** Names that a function declares itself: its parameters, and variables anywhere in it but in functions of its own. */
function boundIn(node: SyntaxNode): Set<string> {
  const names = new Set<string>()
  const add = (pattern: SyntaxNode): void => {
    for (const target of targetsOf(pattern)) names.add(String(target.name))
  }
  const find = (inner: SyntaxNode): void => {
    if (inner.type === 'VariableDeclarator') add(inner.id as SyntaxNode)
    if (inner.type === 'CatchClause' && inner.param !== null) add(inner.param as SyntaxNode)
    if (inner.type === 'FunctionDeclaration' || inner.type === 'ClassDeclaration') add(inner.id as SyntaxNode)
    if (isFunction(inner)) return
    for (const child of childrenOf(inner)) find(child)
  }
  for (const parameter of node.params as SyntaxNode[]) add(parameter)
  if (node.id !== null && node.id !== undefined) add(node.id as SyntaxNode)
  find(node.body as SyntaxNode)
  return names
}
