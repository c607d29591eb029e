import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { commandsIn, isShell, notRun, shownCommands, shownFiles, steadyText } from '../../scripts/docs/blocks.ts'
import { type Page, readPage } from '../../scripts/docs/markdown.ts'
import { readDocumentation } from '../../scripts/docs/site-map.ts'
import { carriedOut } from '../support/carried-out.ts'

const docs = readDocumentation(packageRoot)
const written = [...docs.pages.values()].filter(({ file }) => !/^docs\/reference\/(cli|definition|extend)/.test(file))
const folderOf = (page: Page): string => page.file.replaceAll(/[^\w]+/g, '-')

/** What pages after it go on from. */
const first = shownFiles(docs.pages.get('docs/start/first-pipeline.md') as Page)

/** Files that stand whole on a page: by their name, or by what they import. */
function wholeFiles(page: Page): { readonly path: string; readonly text: string; readonly line: number }[] {
  const named = shownFiles(page).filter(({ path }) => path.endsWith('.ts'))
  const rest = page.blocks.filter(
    ({ language, text, line, mark }) =>
      language === 'ts' &&
      !mark?.startsWith('not checked: ') &&
      /^import /m.test(text) &&
      !named.some((file) => file.line === line),
  )
  const files = [...named, ...rest.map(({ text, line }) => ({ path: `line-${line}.ts`, text, line }))]
  const isThere = (path: string): boolean => [...first, ...files].some((file) => file.path === path)
  return files.filter(({ path, text }) =>
    [...text.matchAll(/ from '(\.[^']+)'/g)].every(([, from = '']) => isThere(normalize(join(dirname(path), from)))),
  )
}

describe('TypeScript on the pages', () => {
  const root = mkdtempSync(join(tmpdir(), 'slipway-pages-'))
  beforeAll(() => {
    const modules = join(root, 'node_modules')
    mkdirSync(modules)
    for (const name of ['zod', 'vitest', '@types'])
      symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name))
    symlinkSync(packageRoot, join(modules, 'slipway'))
    const { compilerOptions } = JSON.parse(readFileSync(join(packageRoot, 'tsconfig.json'), 'utf8'))
    writeFileSync(join(root, 'package.json'), JSON.stringify({ type: 'module' }))
    const include = ['surroundings.d.ts', ...written.map((page) => `${folderOf(page)}/**/*.ts`)]
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }))
    for (const page of written)
      for (const { path, text } of [...(page.file === 'README.md' ? [] : first), ...wholeFiles(page)]) {
        mkdirSync(dirname(join(root, folderOf(page), path)), { recursive: true })
        writeFileSync(join(root, folderOf(page), path), text)
      }
    // Parts of a definition stand in one, and speak of what it has made so far.
    const surroundings = `import type { Builder } from 'slipway'\ndeclare global {\n  const p: Builder\n  const candidate: any\n}\n`
    writeFileSync(join(root, 'surroundings.d.ts'), surroundings)
    // What a page says of adapters is what lies in examples/.
    const examples = join(packageRoot, 'examples/extending')
    cpSync(join(examples, 'adapters'), join(root, 'docs-extending-md/adapters'), { recursive: true })
  })
  afterAll(() => rmSync(root, { recursive: true }))

  it('is checked where it stands whole, strictly', () => {
    const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
    const check = (): string => {
      try {
        return execFileSync(process.execPath, [tsc, '-p', root], { cwd: root, encoding: 'utf8' })
      } catch (error) {
        return (error as { stdout: string }).stdout
      }
    }
    // What is named from elsewhere are Slipway's own sources.
    expect(
      check()
        .split('\n')
        .filter((line) => /^\w.*error TS/.test(line)),
    ).toEqual([])
    expect(written.flatMap(wholeFiles).length).toBeGreaterThanOrEqual(12)
    // It would notice.
    const [page] = written.filter(({ file }) => file === 'README.md') as [Page]
    const file = join(root, folderOf(page), 'pipelines/rain/pipeline.ts')
    writeFileSync(file, readFileSync(file, 'utf8').replace("binary('precipitation'", "binary('rainfall'"))
    expect(check()).toContain('rainfall')
  })

  it.each(
    written.flatMap(({ file, blocks }) =>
      blocks.filter(({ language }) => language === 'ts').map((block) => ({ file, ...block })),
    ),
  )('is TypeScript, a part of it too: $file:$line', ({ text }) => {
    const ellipses = text.replaceAll(/(?<!\.)…|\.{3}(?=\s*[})\]])/g, '')
    const asIs = parseSync('page.ts', ellipses).errors
    const asOptions = parseSync('page.ts', `({\n${ellipses}\n})`).errors
    const asOthers = parseSync('page.ts', `({\n${ellipses.replaceAll(/(?<![,{])(\s*\/\/.*)?$/gm, ',$1')}\n})`).errors
    expect(Math.min(asIs.length, asOptions.length, asOthers.length), asIs[0]?.message).toBe(0)
  })
})

describe('commands on the pages', () => {
  const told = docs.map.parts.filter(({ name }) => ['start', 'guides'].includes(name)).flatMap(({ pages }) => pages)

  it('are carried out by a test, each of them, or the page says why not', () => {
    const silent = told.flatMap((file) => {
      const page = docs.pages.get(file) as Page
      return carriedOut.includes(file)
        ? []
        : page.blocks
            .filter((block) => isShell(block) && notRun(block) === undefined)
            .map(({ line }) => `${file}:${line}`)
    })
    expect(silent).toEqual([])
  })

  it('are not excepted without a reason, and a reason that names a test names one that is there', () => {
    for (const file of told)
      for (const { text } of [docs.pages.get(file) as Page])
        for (const [, reason = ''] of text.matchAll(/<!-- not run: (.*?) -->/g)) {
          expect(reason.length, file).toBeGreaterThan(10)
          for (const [test] of reason.matchAll(/test\/[\w./-]+\.test\.ts/g))
            expect(existsSync(join(packageRoot, test)), test).toBe(true)
        }
  })

  it('are read in order, with what they print', () => {
    const page = readPage(
      'docs/a.md',
      '# A\n\n```sh\na # b\n```\n\n<!-- not run: it never ends -->\n\n```sh\nc\n```\n\n```console\n$ d\ne\n$ f\n```\n',
    )
    expect(shownCommands(page)).toEqual([
      { line: 4, command: 'a', prints: undefined },
      { line: 14, command: 'd', prints: 'e' },
      { line: 14, command: 'f', prints: '' },
    ])
    expect(page.blocks.flatMap(commandsIn).map(({ command }) => command)).toContain('c')
    expect(shownFiles(readPage('a.md', '# A\n\n`x/y.ts`, of `z`:\n\n```ts\n1\n```\n'))).toEqual([
      { path: 'x/y.ts', text: '1\n', line: 6 },
    ])
  })

  it('print the same but for durations, digests, ids and ports', () => {
    expect(steadyText('ran 4.6 s  (ab021e204916)\n\n at 127.0.0.1:80 of%2Frain-20261130-102339-9e00')).toBe(
      'ran <duration> (<digest>)\nat 127.0.0.1:<port> of%2F<run>',
    )
  })
})
