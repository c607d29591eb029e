import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'

/**
 * Of declarations as tsc writes them, a file a module, what users can reach. A module exports more than they are given,
 * and what is beyond (clients of servers, inside the package) names packages that they do not have.
 * @param entries files, without `.d.ts`, all of whose exports are users'
 * @param read the text of such a file
 * @returns the files that are reached, each with its text: what is not reached is blank, so that maps stay true
 */
export function reachedTypes(entries, read) {
  const modules = new Map()
  const moduleOf = (file) => {
    if (!modules.has(file)) modules.set(file, moduleIn(read(file)))
    return modules.get(file)
  }
  const kept = new Map()
  const wanted = entries.map((file) => ({ file, name: '*' }))
  const seen = new Set()
  for (const { file, name } of wanted) {
    if (seen.has(`${file} ${name}`)) continue
    seen.add(`${file} ${name}`)
    const module = moduleOf(file)
    if (!kept.has(file)) kept.set(file, new Set())
    const want = (source, imported) => {
      if (source.startsWith('.'))
        wanted.push({ file: join(dirname(file), source.replace(/\.ts$/, '')), name: imported })
    }
    const keep = (statement) => {
      if (kept.get(file).has(statement)) return
      kept.get(file).add(statement)
      for (const local of statement.names) reach(local)
      for (const { source, imported } of statement.imports) want(source, imported)
    }
    const reach = (local) => {
      const from = module.imported.get(local)
      if (from !== undefined) {
        kept.get(file).add(from.specifier)
        want(from.source, from.name)
      }
      for (const statement of module.declared.get(local) ?? []) keep(statement)
    }
    for (const each of name === '*' ? module.exported.keys() : [name]) {
      const { local, source, specifier } = module.exported.get(each) ?? {}
      if (local === undefined) throw new Error(`${file}.d.ts exports no ${each}`)
      if (specifier !== undefined) kept.get(file).add(specifier)
      if (source === undefined) reach(local)
      else want(source, local)
    }
  }
  return new Map([...kept].map(([file, parts]) => [file, moduleOf(file).textOf(parts)]))
}

/** What a module declares, imports and exports, by names. */
function moduleIn(text) {
  const { program, errors } = parseSync('module.d.ts', text, { lang: 'dts' })
  if (errors.length > 0) throw new Error(errors[0].message)
  const [declared, imported, exported] = [new Map(), new Map(), new Map()]
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration')
      for (const specifier of statement.specifiers) {
        const name = specifier.type === 'ImportSpecifier' ? specifier.imported.name : '*'
        imported.set(specifier.local.name, { source: statement.source.value, name, specifier })
      }
    else if (statement.type === 'ExportNamedDeclaration' && statement.declaration === null)
      for (const specifier of statement.specifiers)
        exported.set(specifier.exported.name, {
          local: specifier.local.name,
          source: statement.source?.value,
          specifier,
        })
    else {
      const declaration = statement.declaration ?? statement
      Object.assign(statement, namedIn(declaration))
      for (const { name } of declaration.declarations?.map(({ id }) => id) ?? [declaration.id]) {
        declared.set(name, [...(declared.get(name) ?? []), statement])
        if (statement !== declaration) exported.set(name, { local: name })
      }
    }
  }
  return { declared, imported, exported, textOf: (parts) => textOf(text, program.body, parts) }
}

/** Names that a declaration may mean something of its module by, and what it imports in passing. */
function namedIn(declaration) {
  const [names, imports] = [new Set(), []]
  const visit = (node) => {
    if (node.type === 'Identifier') names.add(node.name)
    if (node.type === 'TSImportType') imports.push({ source: node.source.value, imported: firstName(node.qualifier) })
    // Names of members, and of what is imported in passing, are nobody's here.
    for (const [key, value] of Object.entries(node))
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child?.type === 'string' && key !== 'qualifier' && (key !== 'key' || node.computed)) visit(child)
  }
  visit(declaration)
  return { names, imports }
}

const firstName = (qualifier) =>
  qualifier === null ? '*' : qualifier.type === 'TSQualifiedName' ? firstName(qualifier.left) : qualifier.name

/** A text whose other statements, and names in braces, are blank but for their line ends. */
function textOf(text, body, parts) {
  let result = ''
  let end = 0
  const drop = (from, to) => {
    result += text.slice(from, to).replaceAll(/[^\n]/g, '')
  }
  for (const statement of body) {
    const { specifiers, declaration } = statement
    const listed = specifiers?.length > 0 ? specifiers : undefined
    const own = listed?.filter((specifier) => parts.has(specifier))
    // `export {}` makes a module of it.
    const isMark = declaration === null && specifiers.length === 0
    const isKept = own === undefined ? parts.has(statement) || isMark : own.length > 0
    if (!isKept) drop(end, statement.end)
    else if (own === undefined || own.length === listed.length) result += text.slice(end, statement.end)
    else {
      const [first, last] = [listed[0], listed.at(-1)]
      result += text.slice(end, first.start)
      result += own.map(({ start, end: to }) => text.slice(start, to)).join(', ')
      drop(first.start, last.end)
      result += text.slice(last.end, statement.end)
    }
    end = statement.end
  }
  return result + text.slice(end)
}
