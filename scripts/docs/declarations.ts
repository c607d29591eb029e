import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { type SyntaxNode, walk } from '../../lib/code/syntax.ts'

/** A name that a file exports. */
export interface Declared {
  readonly name: string
  readonly isType: boolean
  /** Where it stands, relative to the repository: `lib/definition/gates.ts`. */
  readonly file: string
  /** As a declaration file says it, overloads one after another. */
  readonly text: string
  /** The words of its comment, marks of the comment left out; '' without one. */
  readonly doc: string
  readonly node: SyntaxNode
}

/** Declarations of a repository's files. */
export interface Declarations {
  /** What a file exports, in its order, names that it passes on included. */
  exportsOf(file: string): Declared[]
  /** What a file knows by a name: its own, or imported from another file of the repository. */
  find(file: string, name: string): Declared | undefined
  /** Methods of an interface, those of one name together. */
  methodsOf(declared: Declared): Declared[]
}

interface Source {
  readonly text: string
  readonly body: readonly SyntaxNode[]
  readonly comments: readonly { readonly type: string; readonly start: number; readonly end: number }[]
}

/**
 * Lets the compiler write the declarations of some files, with all that they import, and reads them: types that nobody
 * wrote down are there too. @param entries relative to the repository
 */
export function declarationsOf<T>(root: string, entries: readonly string[], read: (all: Declarations) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-declarations-'))
  try {
    const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'))
    const outDir = join(folder, 'out')
    const emit = { noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir }
    const typeRoots = [join(root, 'node_modules/@types')]
    const files = entries.map((file) => join(root, file))
    const config = { compilerOptions: { ...compilerOptions, ...emit, typeRoots }, files }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    // What it cannot name somewhere else it says; what is missing here is noticed where it is read.
    spawnSync(process.execPath, [tsc, '-p', folder], { stdio: 'ignore' })
    return read(readerOf(outDir))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readerOf(folder: string): Declarations {
  const sources = new Map<string, Source>()
  const sourceOf = (file: string): Source => {
    const known = sources.get(file)
    if (known !== undefined) return known
    const path = join(folder, file.replace(/\.ts$/, '.d.ts'))
    if (!existsSync(path)) throw new Error(`the compiler wrote no declarations of ${file}`)
    const text = readFileSync(path, 'utf8')
    const { program, comments } = parseSync(path, text)
    const source = { text, body: program.body as unknown as SyntaxNode[], comments }
    sources.set(file, source)
    return source
  }
  const beside = (file: string, from: string): string => normalize(join(dirname(file), from))
  const own = (file: string, name: string): Declared | undefined => {
    const source = sourceOf(file)
    const nodes = source.body.filter((node) => namesOf(declarationIn(node)).includes(name))
    const [first] = nodes
    return first === undefined ? undefined : { name, file, ...said(source, nodes), node: declarationIn(first) }
  }
  const find = (file: string, name: string): Declared | undefined => {
    const found = own(file, name)
    if (found !== undefined) return found
    for (const node of sourceOf(file).body) {
      const from = (node.source as SyntaxNode | null | undefined)?.value as string | undefined
      if (from === undefined || !from.startsWith('.')) continue
      for (const each of (node.specifiers as SyntaxNode[] | undefined) ?? []) {
        const [local, other] =
          node.type === 'ImportDeclaration' ? [each.local, each.imported] : [each.exported, each.local]
        if (nameOf(local) === name) return find(beside(file, from), nameOf(other) ?? name)
      }
    }
    return
  }
  return {
    find,
    methodsOf(declared) {
      const { body } = declared.node.body as unknown as { body: readonly SyntaxNode[] }
      const names = [...new Set(body.map(({ key }) => nameOf(key) as string))]
      return names.map((name) => {
        const nodes = body.filter(({ key }) => nameOf(key) === name)
        const { text, doc } = said(sourceOf(declared.file), nodes)
        return { ...declared, name, doc, text: text.replaceAll(/^ {2}/gm, ''), node: nodes[0] as SyntaxNode }
      })
    },
    exportsOf(file) {
      const passed = sourceOf(file).body.flatMap((node) => {
        if (node.type !== 'ExportNamedDeclaration') return []
        const specifiers = (node.specifiers as SyntaxNode[]).map((each) => ({
          name: nameOf(each.exported) as string,
          isType: node.exportKind === 'type' || each.exportKind === 'type',
        }))
        return [...specifiers, ...namesOf(declarationIn(node)).map((name) => ({ name, isType: false }))]
      })
      return [...new Map(passed.map((each) => [each.name, each])).values()].map(({ name, isType }) => {
        const declared = find(file, name)
        if (declared === undefined) throw new Error(`${file}: nothing declares ${name}`)
        return { ...declared, name, isType: isType || declared.isType }
      })
    },
  }
}

const nameOf = (node: unknown): string | undefined => (node as { name?: string } | undefined)?.name

const declarationIn = (node: SyntaxNode): SyntaxNode => (node.declaration as SyntaxNode | null | undefined) ?? node

function namesOf(node: SyntaxNode): string[] {
  if (node.type === 'VariableDeclaration')
    return (node.declarations as { id: unknown }[]).map(({ id }) => nameOf(id) as string)
  const isDeclaration = /^(TSDeclareFunction|TSInterface|TSTypeAlias|Function|Class)/.test(node.type)
  return isDeclaration && node.id ? [nameOf(node.id) as string] : []
}

/** Texts and comments of the declarations of one name; the first comment is the one of all. */
function said({ text, comments }: Source, nodes: readonly SyntaxNode[]): Pick<Declared, 'text' | 'doc' | 'isType'> {
  const commentOf = ({ start }: SyntaxNode): string => {
    const last = comments.findLast((each) => each.end <= start && text.slice(each.end, start).trim() === '')
    return last?.type === 'Block' ? commentText(text.slice(last.start, last.end)) : ''
  }
  const declared = nodes.map((node) =>
    text
      .slice(node.start, node.end)
      .replace(/^export (?:declare )?/, '')
      .replaceAll(/^(?: {4})+/gm, (blank) => blank.replaceAll('    ', '  '))
      .replaceAll(/;$/gm, ''),
  )
  return {
    text: declared.join('\n'),
    doc: nodes.map(commentOf).find((words) => words !== '') ?? '',
    isType: nodes.every((node) => /^TS(Interface|TypeAlias)/.test(declarationIn(node).type)),
  }
}

/** A comment's words without its marks. */
export const commentText = (comment: string): string =>
  comment
    .replace(/^\/\*\*?/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()

/** Names of types that a declaration mentions. */
export function typesIn(node: SyntaxNode): string[] {
  const names = new Set<string>()
  walk(node, (each) => {
    const name = each.type === 'TSTypeReference' ? nameOf(each.typeName) : nameOf(each.expression)
    if (/^TS(TypeReference|InterfaceHeritage)/.test(each.type) && name !== undefined) names.add(name)
    // `z.input<typeof TreesLearner>` speaks of a schema.
    if (each.type === 'TSTypeQuery' && nameOf(each.exprName) !== undefined) names.add(nameOf(each.exprName) as string)
  })
  return [...names]
}
