import { builtinModules } from 'node:module'
import type { SourcePlace } from '../formats/errors.ts'
import { hostPackages } from './host.ts'
import { stateWrites } from './lint-state.ts'
import { type CodeMap, isThirdParty, placeOf } from './source-map.ts'
import { parse, type SyntaxNode, walk } from './syntax.ts'
import { positionAt } from './user-fault.ts'

/** Something in a bundle that would make a user function's result depend on more than its arguments. */
export interface Finding {
  readonly what: string
  readonly at: SourcePlace
  /** Code of a third-party package: reported, but the user cannot mend it. */
  readonly thirdParty: boolean
}

const impureGlobals: Readonly<Record<string, string>> = {
  process: 'reads its environment (process)',
  fetch: 'talks to the network (fetch)',
  XMLHttpRequest: 'talks to the network (XMLHttpRequest)',
  WebSocket: 'talks to the network (WebSocket)',
  eval: 'evaluates text as code (eval)',
  Function: 'makes code from text (Function)',
  performance: 'reads the clock (performance)',
  crypto: 'reads chance (crypto)',
  globalThis: 'reaches for globals (globalThis)',
  setTimeout: 'goes on after it has returned (setTimeout)',
  setInterval: 'goes on after it has returned (setInterval)',
  setImmediate: 'goes on after it has returned (setImmediate)',
  queueMicrotask: 'goes on after it has returned (queueMicrotask)',
  Intl: 'reads the locale (Intl)',
  SharedArrayBuffer: 'shares memory (SharedArrayBuffer)',
  Atomics: 'shares memory (Atomics)',
  WebAssembly: 'makes code from bytes (WebAssembly)',
  WeakRef: 'sees the garbage collector (WeakRef)',
  FinalizationRegistry: 'sees the garbage collector (FinalizationRegistry)',
}
const impureMembers: Readonly<Record<string, string>> = {
  'Math.random': 'reads chance (Math.random)',
  'Date.now': 'reads the clock (Date.now)',
}

/** Methods that go by where the machine is, whatever they are called on. */
const localTime =
  /^(get|set)(FullYear|Year|Month|Date|Day|Hours|Minutes|Seconds|Milliseconds|TimezoneOffset)$|^to(Date|Time)String$/
const locale = /^(toLocale\w+|localeCompare)$/

/** Looks through a bundled function, after tree shaking, and maps what it finds back to the user's own lines. */
export function lint(bundle: string, sourceMap: CodeMap): Finding[] {
  const program = parse('bundle.cjs', bundle)
  const declared = declaredNames(program)
  const findings: { what: string; offset: number }[] = []
  walk(program, (node, parent) => {
    const what = impurityOf(node, parent, declared)
    if (what !== undefined) findings.push({ what, offset: node.start })
  })
  findings.push(...stateWrites(program))
  return findings.map(({ what, offset }) => {
    const { line, column } = positionAt(bundle, offset)
    const at = placeOf(sourceMap, line, column) ?? { file: '(bundle)', line, column, text: null }
    return { what, at, thirdParty: isThirdParty(at.file) }
  })
}

function impurityOf(
  node: SyntaxNode,
  parent: SyntaxNode | undefined,
  declared: ReadonlySet<string>,
): string | undefined {
  const isFree = (value: unknown, name?: string): boolean => {
    const identifier = value as SyntaxNode
    return (
      identifier?.type === 'Identifier' &&
      (name === undefined || identifier.name === name) &&
      !declared.has(identifier.name as string)
    )
  }
  if (node.type === 'Identifier' && isFree(node) && Object.hasOwn(impureGlobals, node.name as string)) {
    const isName =
      (parent?.type === 'MemberExpression' && parent.property === node && parent.computed !== true) ||
      (parent?.type === 'Property' && parent.key === node && parent.value !== node)
    return isName ? undefined : impureGlobals[node.name as string]
  }
  if (node.type === 'MemberExpression' && isFree(node.object)) {
    const property = node.property as SyntaxNode
    const member = node.computed === true ? property.value : property.name
    return impureMembers[`${(node.object as SyntaxNode).name}.${String(member)}`]
  }
  if (node.type === 'NewExpression' && isFree(node.callee, 'Date')) {
    const { length } = node.arguments as unknown[]
    if (length === 0) return 'reads the clock (new Date())'
    if (length > 1) return 'reads local time (new Date(year, month): take new Date(Date.UTC(year, month)))'
  }
  if (node.type === 'CallExpression' && isFree(node.callee, 'Date')) return 'reads the clock (Date())'
  if (node.type === 'CallExpression') {
    const method = methodOf(node.callee as SyntaxNode)
    if (localTime.test(method)) return `reads local time (${method}: take what says UTC)`
    if (locale.test(method)) return `reads the locale (${method})`
  }
  if (node.type === 'ImportExpression') return 'loads code while it runs (import())'
  if (node.type === 'MetaProperty') return 'depends on where it lies (import.meta)'
  if (node.type === 'CallExpression' && isFree(node.callee, 'require')) {
    const argument = (node.arguments as SyntaxNode[])[0]
    const name = argument?.type === 'Literal' ? String(argument.value) : undefined
    if (name === undefined) return 'loads code while it runs (require of a computed name)'
    if (builtinModules.includes(name.replace(/^node:/, ''))) return `uses the machine (${name})`
    if (!(hostPackages as readonly string[]).includes(name))
      return `needs the package ${name}, which workers do not have`
  }
  return undefined
}

/** The name of the method that a call calls; empty for none. */
const methodOf = (callee: SyntaxNode): string =>
  callee.type === 'MemberExpression' && callee.computed !== true ? String((callee.property as SyntaxNode).name) : ''

function declaredNames(program: SyntaxNode): Set<string> {
  const names = new Set<string>()
  const bind = (pattern: SyntaxNode | null): void => {
    if (pattern === null) return
    if (pattern.type === 'Identifier') names.add(pattern.name as string)
    else if (pattern.type === 'AssignmentPattern') bind(pattern.left as SyntaxNode)
    else if (pattern.type === 'RestElement') bind(pattern.argument as SyntaxNode)
    else if (pattern.type === 'ArrayPattern') for (const element of pattern.elements as SyntaxNode[]) bind(element)
    else if (pattern.type === 'ObjectPattern') {
      for (const property of pattern.properties as SyntaxNode[])
        bind(property.type === 'RestElement' ? property : (property.value as SyntaxNode))
    }
  }
  walk(program, (node) => {
    if (node.type === 'VariableDeclarator') bind(node.id as SyntaxNode)
    if (node.type.includes('Function') || node.type === 'ClassDeclaration') {
      if (node.id) bind(node.id as SyntaxNode)
      for (const parameter of (node.params as SyntaxNode[] | undefined) ?? []) bind(parameter)
    }
    if (node.type === 'CatchClause') bind(node.param as SyntaxNode | null)
  })
  return names
}
