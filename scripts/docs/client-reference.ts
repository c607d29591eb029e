import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, type SyntaxNode, walk } from '../../lib/code/syntax.ts'
import type { Declarations, Declared } from './declarations.ts'
import { entryOf, typeText } from './definition-reference.ts'
import { paragraph } from './reference-text.ts'

/** What `slipway/client` exports, and where the methods of a client are named. */
export const clientEntries = ['client/index.ts', 'client/create-client.ts']

/** Tables of what can go wrong: they are in the guide to the command line. */
const codes = ['errorCodes', 'exitCodes', 'ErrorCode']

/** `docs/reference/client.md`: every method of a client, and the types that it takes and answers. */
export function clientReference(root: string, all: Declarations): string {
  const exported = all.exportsOf('client/index.ts').filter(({ name }) => !codes.includes(name))
  const values = exported.filter(({ isType, name }) => !isType && name !== 'createClient')
  const types = exported.filter(({ isType }) => isType).sort((a, b) => (a.name < b.name ? -1 : 1))
  const [create] = exported.filter(({ name }) => name === 'createClient') as [Declared]
  const signatures = signaturesOf(create)
  const methods = methodsOfClient(root).map(({ name, file, calls, isWhole }) => {
    const declared = all.find(file, calls)
    if (declared === undefined) throw new Error(`${file}: nothing declares ${calls}`)
    const text = isWhole ? asMethod(name, declared) : `${name}${signatures.get(name)}`
    return entryOf({ ...declared, text, doc: docOf(declared, text, isWhole) }, `client.${name}`)
  })
  const head = create.text.replace(/(\): )\{[\s\S]*$/, '$1SlipwayClient')
  return `# What programs may read and start

${paragraph(
  'Every method of a client of `slipway/client`, written by `npm run docs` from its declarations and their comments. How',
  'they are used is in [the guide to the client](../client.md).',
)}

${[entryOf({ ...create, text: head }), ...methods].join('\n\n')}

## Errors

${paragraph('Every code, and what it leads to, is in [the guide to the command line](../cli.md#exit-codes).')}

${values.map((each) => entryOf(each)).join('\n\n')}

## Types

${types.map((each) => (each.name === 'SlipwayClient' ? entryOf({ ...each, text: 'type SlipwayClient' }) : typeText(root, each))).join('\n\n')}
`
}

/** A method of a client, and the function of `client/` that does it. */
interface Method {
  /** `runs.start` */
  readonly name: string
  readonly file: string
  readonly calls: string
  /** It is that function, which gets the context before what it is given; others have a signature of their own. */
  readonly isWhole: boolean
}

const keyOf = ({ key }: SyntaxNode): string => (key as { name: string }).name

/** Methods by the objects that client/create-client.ts returns: what each imports is what it is. */
function methodsOfClient(root: string): Method[] {
  const source = parse('create-client.ts', readFileSync(join(root, 'client/create-client.ts'), 'utf8'))
  const functions = new Map<string, SyntaxNode>()
  walk(source, (node) => {
    const { type, id, init } = node as SyntaxNode & { id?: { name: string }; init?: SyntaxNode }
    if (type === 'FunctionDeclaration' && id) functions.set(id.name, node)
    if (type === 'VariableDeclarator' && id?.name !== undefined && init) functions.set(id.name, init)
  })
  const methodsOf = (object: SyntaxNode, noun: string): Method[] =>
    (object.properties as readonly SyntaxNode[]).flatMap((property) => {
      const value = property.value as SyntaxNode
      const name = `${noun}${keyOf(property)}`
      if (value.type === 'ObjectExpression') return methodsOf(value, `${name}.`)
      const called =
        value.type === 'CallExpression' ? functions.get((value.callee as { name: string }).name) : undefined
      const returned = called && returnedBy(called)
      if (returned !== undefined) return methodsOf(returned, `${name}.`)
      const imported = importedBy(value) ?? (called && importedBy(called))
      const isWhole = value.type === 'CallExpression' && (value.callee as { name: string }).name === 'bound'
      return imported === undefined ? [] : [{ name, ...imported, isWhole }]
    })
  return methodsOf(returnedBy(functions.get('createClient') as SyntaxNode) as SyntaxNode, '')
}

/** The object that a function returns. */
function returnedBy(node: SyntaxNode): SyntaxNode | undefined {
  const block = node.body as SyntaxNode | undefined
  const body = block?.type === 'BlockStatement' ? (block.body as readonly SyntaxNode[]) : []
  const argument = body.find(({ type }) => type === 'ReturnStatement')?.argument as SyntaxNode | undefined
  return argument?.type === 'ObjectExpression' ? argument : undefined
}

type Imported = Pick<Method, 'file' | 'calls'>

/** `(await import('./models.ts')).readModels` */
function importedBy(node: SyntaxNode): Imported | undefined {
  let found: Imported | undefined
  walk(node, ({ type, object, property }) => {
    const inBrackets = (object as SyntaxNode | undefined)?.expression as SyntaxNode | undefined
    const awaited = inBrackets?.argument as SyntaxNode | undefined
    if (type !== 'MemberExpression' || awaited?.type !== 'ImportExpression') return
    const file = (awaited.source as { value: string }).value.replace('./', 'client/')
    found ??= { file, calls: (property as { name: string }).name }
  })
  return found
}

/** The words of a function, without those on what its method is not given, or does not answer. */
const docOf = ({ doc }: Declared, signature: string, isWhole: boolean): string =>
  doc
    .replaceAll(/ (?=@(?:param|returns|throws)\b)/g, '\n')
    .split(/^(?=@)/m)
    .filter((tag) => isWhole || !tag.startsWith('@returns'))
    .filter((tag) => new RegExp(`\\b${/^@param (\w+)/.exec(tag)?.[1] ?? ''}\\b`).test(signature))
    .join('')

/** What methods take and answer, by the type that the compiler wrote for a client. */
function signaturesOf({ text }: Declared): Map<string, string> {
  const source = `declare ${text}`
  const signatures = new Map<string, string>()
  const collect = (members: readonly SyntaxNode[], noun: string): void => {
    for (const member of members) {
      const name = `${noun}${keyOf(member)}`
      const type = (member.typeAnnotation as SyntaxNode | undefined)?.typeAnnotation as SyntaxNode | undefined
      if (type?.type === 'TSTypeLiteral') collect(type.members as SyntaxNode[], `${name}.`)
      const [from, to] = type === undefined ? [(member.key as SyntaxNode).end, member.end] : [type.start, type.end]
      signatures.set(name, plain(source.slice(from, to)))
    }
  }
  const [create] = parse('create-client.d.ts', source).body as unknown as [SyntaxNode]
  const returned = (create.returnType as SyntaxNode).typeAnnotation as SyntaxNode
  collect(returned.members as SyntaxNode[], '')
  return signatures
}

/** A type in one line, each name without the file that it is from. */
const plain = (type: string): string =>
  type
    .replaceAll(/import\(["'][^"']+["']\)\./g, '')
    .replaceAll(/\n\s*/g, ' ')
    .replace(/^(\(.*?\)) => /, '$1: ')

/** A function as a method: without the context, and without what the command line alone gives. */
function asMethod(name: string, { text }: Declared): string {
  const from = text.indexOf('(')
  const to = closing(text, from)
  const given = splitAtCommas(text.slice(from + 1, to))
    .slice(1)
    .filter((each) => !each.startsWith('interrupt'))
  const returned = text.slice(to + 1).replace(/^ =>/, ':')
  return `${name}(${given.join(', ')})${returned}`
}

const opened = '({[<'
const closed = ')}]>'

/** Where the bracket that is opened at a place is closed; the head of an arrow is none. */
function closing(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const letter = text[at] as string
    if (opened.includes(letter)) depth++
    else if (closed.includes(letter) && text[at - 1] !== '=' && --depth === 0) return at
  }
  throw new Error(`a bracket is never closed: ${text}`)
}

/** Parameters of a list. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const [at, letter] of [...text].entries()) {
    if (opened.includes(letter)) depth++
    else if (closed.includes(letter) && text[at - 1] !== '=') depth--
    if (letter === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += letter
  }
  return parts.map((part) => part.trim())
}
