import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../client/index.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { cliReference } from '../../scripts/docs/cli-reference.ts'
import { clientEntries, clientReference } from '../../scripts/docs/client-reference.ts'
import { type Declared, declarationsOf } from '../../scripts/docs/declarations.ts'
import {
  definitionEntries,
  definitionReference,
  extensionReference,
  otherEntries,
} from '../../scripts/docs/definition-reference.ts'
import { docText, paragraph, table } from '../../scripts/docs/reference-text.ts'
import { everyCommand } from '../support/every-command.ts'

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8')
let exported: Declared[]
let ofClient: Declared[]
let texts: Record<string, string>
beforeAll(() => {
  const entries = [...definitionEntries, ...Object.values(otherEntries)]
  declarationsOf(packageRoot, [...entries, ...clientEntries], (all) => {
    ofClient = all.exportsOf('client/index.ts')
    exported = entries.flatMap((file) => all.exportsOf(file))
    texts = {
      'docs/reference/client.md': clientReference(packageRoot, all),
      'docs/reference/definition.md': definitionReference(packageRoot, all),
      'docs/reference/extend.md': extensionReference(packageRoot, all),
    }
  })
})

describe('the reference of commands', () => {
  it('is what the parser knows: npm run docs writes it', () => {
    expect(read('docs/reference/cli.md')).toBe(cliReference())
  })

  it('has every command with every argument and option', () => {
    const sections = new Map(
      cliReference()
        .split(/^### /m)
        .map((section) => [section.split('\n')[0], section]),
    )
    for (const { name, command } of everyCommand()) {
      const section = sections.get(name)
      for (const argument of command.registeredArguments) expect(section, name).toContain(argument.name())
      for (const { flags } of command.options) expect(section, name).toContain(flags.replaceAll('|', '\\|'))
    }
  })
})

describe('the reference of definitions', () => {
  it.each(['docs/reference/client.md', 'docs/reference/definition.md', 'docs/reference/extend.md'])(
    'is what the sources say: npm run docs writes it: %s',
    (file) => {
      expect(read(file)).toBe(texts[file])
    },
  )

  it('has all that the package exports, each with a comment that says what it is', () => {
    expect(exported.length).toBeGreaterThan(80)
    expect(exported.filter(({ doc }) => doc === '').map(({ file, name }) => `${file}: ${name}`)).toEqual([])
    const all = Object.values(texts).join('\n')
    for (const { name } of exported) expect(all).toContain(`### ${name === 'Builder' ? 'p.train' : name}\n`)
  })

  it('has every method of a client with what it takes, and every type of slipway/client', () => {
    const text = texts['docs/reference/client.md'] as string
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
    const client = createClient({ s3: { endpoint: 'http://127.0.0.1:9', bucket: 'b', region: 'r', credentials } })
    for (const [noun, value] of Object.entries(client).filter(([name]) => name !== 'close'))
      for (const name of typeof value === 'function' ? [noun] : Object.keys(value).map((each) => `${noun}.${each}`))
        expect(text).toMatch(new RegExp(`^### client\\.${name}\n\n\\w[^#]*^${name}\\(`, 'm'))
    for (const { name, isType } of ofClient) if (isType && name !== 'ErrorCode') expect(text).toContain(`### ${name}\n`)
    expect(text).not.toMatch(/^\w[\w.]*\([^)]*(context|interrupt|store)\b/m)
  })

  it('knows types that nobody wrote down, and the defaults of options', () => {
    expect(texts['docs/reference/definition.md']).toContain(
      'const auc: Rules<Gate<"binary", never, unknown>> & Benefit',
    )
    expect(texts['docs/reference/definition.md']).toMatch(
      /\| `leaves` +\| `z\.int\(\)\.min\(2\)\.max\(255\)\.default\(31\)`/,
    )
  })
})

describe('a text of the reference', () => {
  it('has lines of at most 120 characters, and tables whose bars are their own', () => {
    expect(
      paragraph('a '.repeat(100))
        .split('\n')
        .every((line) => line.length <= 120),
    ).toBe(true)
    expect(table(['a'], [['b\nc']])).toBe('| a   |\n| --- |\n| b c |')
  })

  it('keeps the code of a comment, and says what is tagged', () => {
    expect(docText('Does\nit:\n\n```ts\na\n\nb\n```\n\n@param one the\nfirst\n@throws Error X')).toBe(
      'Does it:\n\n```ts\na\n\nb\n```\n\n- `one`: the first\n- Throws Error X',
    )
  })
})
