import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import MiniSearch from 'minisearch'
import { globSync } from 'tinyglobby'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { faultsOf } from '../../scripts/docs/checks.ts'
import { commandsOf, slipwayCalls } from '../../scripts/docs/command-lines.ts'
import { readPage } from '../../scripts/docs/markdown.ts'
import { type Documentation, readDocumentation } from '../../scripts/docs/site-map.ts'
import { writeSite } from '../../scripts/docs/write-site.ts'

const docs = readDocumentation(packageRoot)

describe('the documentation', () => {
  it('has four parts, each page in one of them, links that lead somewhere, commands that there are', () => {
    expect(docs.map.parts.map(({ name }) => name)).toEqual(['start', 'guides', 'reference', 'understanding'])
    expect(faultsOf(docs)).toEqual([])
  })

  const faultsOfText = (text: string, pages: readonly string[] = ['docs/a.md']): string[] => {
    const page = readPage('docs/a.md', text)
    const map = { title: 'T', parts: [{ name: 'start', title: 'Start', says: '', pages }] }
    return faultsOf({ root: packageRoot, map, pages: new Map([[page.file, page]]) } satisfies Documentation)
  }

  it.each([
    ['# A\n\n[b](b.md)', 'docs/a.md: b.md: there is no such file'],
    ['# A\n\n| a |\n| --- |\n| [b](#b) |', 'docs/a.md: #b: there is no such heading'],
    ['# A\n\n- [b](../../b.md)', 'docs/a.md: ../../b.md: leads out of the repository'],
    ['# A\n\n# B', 'docs/a.md: not one title'],
    ['# A\n\n```sh\nnpx slipway fly\n```', "docs/a.md:4: npx slipway fly: error: unknown command 'fly'"],
    ['# A\n\n```sh\nnpx slipway up && npx slipway run a --fast\n```', "unknown option '--fast'"],
    ['# A\n\n```sh\nnpx slipway runs --limit many # all\n```', '--limit <n>: expected a whole number'],
  ])('is refused with a fault: %s', (text, fault) => {
    expect(faultsOfText(text).join()).toContain(fault)
  })

  it.each([
    '# A\n\n[above](#b-c-1)\n\n## B, `c`\n\n## b c',
    '# A\n\n```sh\nnpx slipway register <file> --on … --target a --task binary # whatever it is\n```',
    '# A\n\n```text\nslipway fly\n```',
  ])('is in order: %s', (text) => {
    expect(faultsOfText(text)).toEqual([])
  })

  it('is refused where a page is in no part, in two, or not there', () => {
    expect(faultsOfText('# A', [])).toEqual(['docs/a.md is in no part of docs/site.json'])
    expect(faultsOfText('# A', ['docs/a.md', 'docs/a.md']).join()).toContain('is in several parts')
    expect(faultsOfText('# A', ['docs/a.md', 'docs/b.md'])).toEqual(['docs/site.json: start has no page docs/b.md'])
  })
})

describe('a block of commands', () => {
  it('is read as a shell does: comments, continued lines, quotes', () => {
    expect(commandsOf('a b  # c\n\n# d\ne f\n  --g\nh \\\n  i\n')).toEqual(['a b', 'e f --g', 'h i'])
    expect(slipwayCalls('A=1 npx slipway up --detach && npx slipway approve r --reason "a b" > file')).toEqual([
      ['up', '--detach'],
      ['approve', 'r', '--reason', 'a b'],
    ])
    expect(slipwayCalls('git clone slipway here')).toEqual([])
  })
})

describe('the site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-site-'))
  beforeAll(() => {
    writeFileSync(join(folder, 'old.html'), '')
    writeSite(docs, folder)
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  const html = () => globSync('**/*.html', { cwd: folder })

  it('has every page, and nothing of an older one', () => {
    expect(html()).toEqual(expect.arrayContaining(['index.html', 'contents.html', 'CHANGELOG.html', 'docs/batch.html']))
    expect(existsSync(join(folder, 'old.html'))).toBe(false)
  })

  it('links to files and sections that are there, of itself', () => {
    const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
    const broken = html().flatMap((file) =>
      [...read(file).matchAll(/(?:href|src)="(?![a-z]+:)([^"]+)"/g)].flatMap(([, link = '']) => {
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? file : join(dirname(file), path)
        const isThere = existsSync(join(folder, target))
        return isThere && (anchor === undefined || read(target).includes(`id="${anchor}"`)) ? [] : [`${file}: ${link}`]
      }),
    )
    expect(broken).toEqual([])
  })

  it('has no script and no style in line, and its policy allows none', () => {
    for (const file of html()) {
      const text = readFileSync(join(folder, file), 'utf8')
      expect(text).toContain("default-src 'none'; script-src 'self'")
      expect(text, file).not.toMatch(/<script(?![^>]*src=)|<style|<[^>]+ (?:style|on[a-z]+)="/)
    }
  })

  it('is found by its words, without a server', () => {
    const script = readFileSync(join(folder, 'assets/search-index.js'), 'utf8')
    const { index, options } = JSON.parse(script.slice(script.indexOf('{')))
    const found = MiniSearch.loadJSON(index, options).search('quarantine', { prefix: true })
    expect(found.map(({ id }) => id)).toContain('docs/batch.html')
    for (const { id } of found) expect(existsSync(join(folder, id.split('#')[0]))).toBe(true)
  })
})
