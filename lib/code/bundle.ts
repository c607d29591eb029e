import { readFile, realpath } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { basename, extname, join, relative } from 'node:path'
import { type BuildFailure, type BuildOptions, build, type Message, type Plugin } from 'esbuild'
import { SlipwayError } from '../formats/errors.ts'
import { hostPackages, packageRoot } from './host.ts'
import { type Finding, lint } from './lint.ts'
import { type CodeMap, pureMark, slimMap } from './source-map.ts'
import { parse, rootName, type SyntaxNode, walk } from './syntax.ts'
import { placed } from './user-fault.ts'

/** A user function cut out of its project, with all it reaches and nothing else. */
export interface FunctionBundle {
  /** CommonJS text whose `module.exports.default` is the function. Its sha256 is the function's identity. */
  readonly code: string
  /** The way back to the sources; it changes with comments and lines, so no digest depends on it. */
  readonly sourceMap: CodeMap
  /** Host packages it requires. */
  readonly requires: readonly string[]
  readonly findings: readonly Finding[]
}

/**
 * Calls at a module's top that change nothing when their result is unused; without this every schema would stick to
 * every function.
 */
const pureRoots: Readonly<Record<string, readonly string[]>> = { zod: ['z'], slipway: ['pipeline'] }

/** Settings under which the same code gives the same bytes: whatever the folder, the locale or the names nearby. */
export async function bundleOptions(root: string): Promise<BuildOptions> {
  return {
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    treeShaking: true,
    absWorkingDir: await realpath(root),
    legalComments: 'none',
    charset: 'utf8',
    minifyWhitespace: true,
    minifySyntax: true,
    // Short names come from counting letters over whole files: dead code would change them.
    minifyIdentifiers: false,
    keepNames: false,
    logLevel: 'silent',
    tsconfigRaw: { compilerOptions: { target: 'es2022', useDefineForClassFields: true, verbatimModuleSyntax: true } },
    define: { 'process.env.NODE_ENV': '"production"' },
    external: [...builtinModules, ...builtinModules.map((name) => `node:${name}`)],
    plugins: [userCode],
  }
}

/**
 * Bundles one exported function.
 * @throws SlipwayError DEFINITION_SYNTAX with file and line.
 */
export async function bundleFunction(root: string, file: string, exportName: string): Promise<FunctionBundle> {
  const options = await bundleOptions(root)
  const contents = `export { ${exportName} as default } from './${relative(root, file).replaceAll('\\', '/')}'`
  const result = await build({
    ...options,
    stdin: { contents, resolveDir: options.absWorkingDir as string, sourcefile: 'slipway-entry.ts' },
    outfile: join(options.absWorkingDir as string, 'bundle.js'),
    sourcemap: 'external',
    metafile: true,
  }).catch((failure: BuildFailure) => {
    throw syntaxError(failure)
  })
  const files = result.outputFiles ?? []
  const code = files.find(({ path }) => path.endsWith('.js'))?.text ?? ''
  const ownSources = relative(options.absWorkingDir as string, join(await realpath(packageRoot), 'pipelines'))
  const sourceMap = slimMap(files.find(({ path }) => path.endsWith('.map'))?.text ?? '{}', ownSources)
  const imports = Object.values(result.metafile?.outputs ?? {}).flatMap((output) => output.imports)
  const requires = [...new Set(imports.filter(({ external }) => external).map(({ path }) => path))].sort()
  return { code, sourceMap, requires, findings: lint(code, sourceMap) }
}

/** esbuild's first error as one of ours: what and where, without its stack. */
export function syntaxError(failure: BuildFailure): SlipwayError {
  const [first] = failure.errors ?? []
  if (first === undefined) return new SlipwayError('DEFINITION_SYNTAX', String(failure))
  const { location } = first
  if (location === null) return new SlipwayError('DEFINITION_SYNTAX', first.text)
  const { file, line, column, lineText } = location
  const error = new SlipwayError('DEFINITION_SYNTAX', first.text, { next: nextOf(first) })
  return placed(error, { file, line, column: column + 1, text: lineText })
}

function nextOf({ text, notes }: Message): string {
  const missing = /^Could not resolve "([^".][^"]*)"/.exec(text)?.[1]
  if (missing !== undefined) return `install it (npm install ${missing}), or correct the name`
  return /top-level await/i.test(text)
    ? 'await nothing at the top of a module: definitions and feature functions are synchronous'
    : (notes[0]?.text ?? 'correct it there')
}

/** Finds Slipway from anywhere, reads line ends one way, and marks pure calls at the top of user modules. */
const userCode: Plugin = {
  name: 'slipway-user-code',
  setup(builder) {
    builder.onResolve({ filter: /^slipway(\/.*)?$/ }, ({ path }) => ({
      path: join(packageRoot, 'lib/definition', `${path === 'slipway' ? 'index' : path.slice('slipway/'.length)}.ts`),
      sideEffects: false,
    }))
    // An import of theirs that is not used leaves no trace.
    builder.onResolve({ filter: new RegExp(`^(${hostPackages.join('|')})$`) }, ({ path }) => ({
      path,
      external: true,
      sideEffects: false,
    }))
    builder.onLoad({ filter: /\.(ts|mts|js|mjs)$/ }, async ({ path }) => {
      const source = (await readFile(path, 'utf8')).replaceAll('\r\n', '\n')
      const loader = extname(path).endsWith('ts') ? 'ts' : 'js'
      return { contents: isPackage(path) ? source : markPureCalls(basename(path), source), loader }
    })
  },
}

/** Whether a module is another's: Slipway's own are treated alike in a checkout and below node_modules. */
function isPackage(path: string): boolean {
  const from = path.startsWith(`${packageRoot}/`) ? path.slice(packageRoot.length) : path
  return from.includes('/node_modules/')
}

/**
 * Writes esbuild's pure annotation before each call of an allowed root in top-level initialisers and default exports.
 */
export function markPureCalls(name: string, source: string): string {
  const program = parse(name, source)
  const body = program.body as SyntaxNode[]
  const roots = new Set<string>()
  for (const statement of body) {
    if (statement.type !== 'ImportDeclaration') continue
    const allowed = pureRoots[(statement.source as SyntaxNode).value as string] ?? []
    for (const specifier of statement.specifiers as SyntaxNode[]) {
      const imported = ((specifier.imported as SyntaxNode | undefined)?.name ?? 'z') as string
      if (allowed.includes(imported)) roots.add((specifier.local as SyntaxNode).name as string)
    }
  }
  if (roots.size === 0) return source
  const positions = new Set<number>()
  for (const statement of body) {
    const declaration = (statement.declaration ?? statement) as SyntaxNode
    const initialisers =
      declaration.type === 'VariableDeclaration'
        ? (declaration.declarations as SyntaxNode[]).map(({ init }) => init)
        : [declaration]
    if (declaration.type !== 'VariableDeclaration' && statement.type !== 'ExportDefaultDeclaration') continue
    for (const initialiser of initialisers) {
      if (initialiser === null || rootName(initialiser as SyntaxNode) === undefined) continue
      walk(initialiser as SyntaxNode, (node) => {
        const root = node.type === 'CallExpression' ? rootName(node) : undefined
        if (root !== undefined && roots.has(root)) positions.add(node.start)
      })
    }
  }
  let marked = source
  for (const position of [...positions].sort((a, b) => b - a))
    marked = `${marked.slice(0, position)}${pureMark}${marked.slice(position)}`
  return marked
}
