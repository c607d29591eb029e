import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { SlipwayError, type SourcePlace } from '../formats/errors.ts'
import { digestOfJson } from '../store/digest.ts'
import { packageRoot } from './host.ts'
import { keptVerdict } from './kept-verdict.ts'
import { placed } from './user-fault.ts'

/** An error as TypeScript tells it. Lines and columns count from 1. */
const Diagnostic = z.object({ file: z.string(), line: z.int(), column: z.int(), code: z.string(), text: z.string() })
type Diagnostic = z.infer<typeof Diagnostic>
/** Errors, or why there is nothing to say. */
const Verdict = z.union([z.array(Diagnostic), z.string()])
type Verdict = z.infer<typeof Verdict>

/** The oldest TypeScript that takes `.ts` in imports. */
const oldest = 5
/** Errors that are told. */
const told = 3
/** A check that takes longer is given up, ms. */
const patienceMs = 120_000

/**
 * Checks the types of a pipeline's files with the project's own TypeScript and its own tsconfig.json. The verdict is
 * kept until one of the files, the configuration or the lock file changes.
 * @param sources from the project's folder
 * @returns what was done, in words
 * @throws SlipwayError DEFINITION_INVALID with the first errors
 */
export async function checkTypes(root: string, pipeline: string, sources: readonly string[]): Promise<string> {
  const compiler = findTypeScript(root)
  if (compiler === undefined) return skipped('the project has no TypeScript')
  const title = `TypeScript ${compiler.version}`
  if (Number.parseInt(compiler.version, 10) < oldest) return skipped(`${title} is older than ${oldest}.0`)
  const digest = digestOfAll(root, compiler.version, sources)
  const { verdict, kept } = await keptVerdict({ root, pipeline, check: 'types', digest }, Verdict, (folder) =>
    compile(root, join(folder, `${pipeline}.tsconfig.json`), compiler.file, sources),
  )
  if (typeof verdict === 'string') return skipped(`${title} ${verdict}`)
  throwFirst(root, verdict)
  return `types: checked by ${title}${kept ? ' before' : ''}`
}

/** Errors in these files and in the settings; words where the compiler does not come to any. */
async function compile(root: string, project: string, tsc: string, sources: readonly string[]): Promise<Verdict> {
  try {
    writeFileSync(project, JSON.stringify(configFor(root, dirname(project), sources), null, 2))
  } catch (error) {
    return `has no place for its settings: ${(error as Error).message}`
  }
  const output = await run(tsc, ['-p', project, '--noEmit', '--pretty', 'false'], root)
  if (output === undefined) return 'does not come to an end'
  const diagnostics = read(output, root)
  const strange = diagnostics.find(({ file }) => file === relative(root, project))
  if (strange !== undefined) return `does not take these settings: ${strange.text}`
  const settings = diagnostics.filter(({ file }) => /(^|\/)tsconfig[^/]*\.json$/.test(file))
  return [...settings, ...diagnostics.filter(({ file }) => sources.includes(file))]
}

const skipped = (why: string): string => `types: not checked, ${why}`

function findTypeScript(root: string): { file: string; version: string } | undefined {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('typescript/package.json')
    const { version, bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string; bin: { tsc: string } }
    return { version, file: join(dirname(manifest), bin.tsc) }
  } catch {
    return undefined
  }
}

const tsconfigOf = (root: string): string | undefined =>
  existsSync(join(root, 'tsconfig.json')) ? join(root, 'tsconfig.json') : undefined

/**
 * The project's settings for these files alone, or usual ones. Slipway is found where it runs from, if the project has
 * none of its own.
 */
function configFor(root: string, folder: string, sources: readonly string[]): unknown {
  const own = tsconfigOf(root)
  const usual = {
    target: 'es2022',
    lib: ['es2023'],
    module: 'esnext',
    moduleResolution: 'bundler',
    strict: true,
    resolveJsonModule: true,
    types: [],
  }
  const hasPaths = own !== undefined && readFileSync(own, 'utf8').includes('"paths"')
  return {
    ...(own === undefined ? {} : { extends: relative(folder, own) }),
    compilerOptions: {
      ...(own === undefined ? usual : {}),
      ...(hasPaths ? {} : { paths: ownPackages(root) }),
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
    },
    files: sources.filter((file) => /\.[cm]?tsx?$/.test(file)).map((file) => relative(folder, join(root, file))),
    include: [],
    references: [],
  }
}

/** Where Slipway and zod are found by a project that has neither of its own. */
function ownPackages(root: string): Record<string, string[]> {
  const has = (name: string): boolean => existsSync(join(root, 'node_modules', name))
  const zod = createRequire(join(packageRoot, 'package.json')).resolve('zod/package.json')
  return {
    ...(has('slipway') ? {} : { slipway: [join(packageRoot, 'lib/definition/index.ts')] }),
    ...(has('slipway') ? {} : { 'slipway/dataframe': [join(packageRoot, 'lib/definition/dataframe.ts')] }),
    ...(has('zod') ? {} : { zod: [dirname(zod)] }),
  }
}

function digestOfAll(root: string, version: string, sources: readonly string[]): string {
  const text = (file: string): string | null => {
    try {
      return readFileSync(join(root, file), 'utf8')
    } catch {
      return null
    }
  }
  const files = [...sources, 'tsconfig.json', 'package.json', 'package-lock.json', 'node_modules/.package-lock.json']
  const slipway = readFileSync(join(packageRoot, 'package.json'), 'utf8')
  return digestOfJson({ version, slipway, files: files.map((file) => [file, text(file)]) })
}

/** What the compiler prints; undefined if it does not end. Errors are no failure of it. */
function run(file: string, args: readonly string[], cwd: string): Promise<string | undefined> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [file, ...args],
      { cwd, timeout: patienceMs, maxBuffer: 16 * 1024 * 1024, encoding: 'utf8' },
      (error, stdout) => done((error as { killed?: boolean } | null)?.killed ? undefined : stdout),
    )
  })
}

/** Errors of tsc's plain output: `file(1,2): error TS2345: …`, the lines below indented. */
function read(output: string, root: string): Diagnostic[] {
  const found: Diagnostic[] = []
  for (const line of output.split(/\r?\n/)) {
    const [, file, at, column, code, text] = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/.exec(line) ?? []
    if (file === undefined || code === undefined) continue
    const path = relative(root, resolve(root, file)).replaceAll('\\', '/')
    found.push({ file: path, line: Number(at), column: Number(column), code, text: text ?? '' })
  }
  return found
}

function throwFirst(root: string, [first, ...others]: readonly Diagnostic[]): void {
  if (first === undefined) return
  const shown = others
    .slice(0, told - 1)
    .map(({ file, line, column, code, text }) => `\n${file}:${line}:${column}: ${code}: ${text}`)
  const more = others.length - shown.length
  const { file, line, column } = first
  const at: SourcePlace = { file, line, column, text: lineOf(join(root, file), line) }
  const error = new SlipwayError('DEFINITION_INVALID', `${first.code}: ${first.text}${shown.join('')}`, {
    next: `correct the types${more === 0 ? '' : ` (${more} more)`}, or skip them with --no-types`,
  })
  throw placed(error, at)
}

function lineOf(file: string, line: number): string | null {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[line - 1] ?? null
  } catch {
    return null
  }
}
