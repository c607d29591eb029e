import fc from 'fast-check'
import { marked } from 'marked'
import { describe, expect, it } from 'vitest'
import { code, commandBlock, cutToBytes, folded, markdownTable, plain } from '../../lib/reports/markdown.ts'

const hostile = [
  '<script>alert(1)</script>',
  '</details><img src=x onerror=alert(1)>',
  '[click](https://example.test) ![](https://example.test/a.png)',
  '`code` **bold** _em_ ~~no~~ $x$ | cell | another',
  'one\ntwo\r\n\n# heading\n- list\n::error::no command',
  '@octocat and @org/team, #1, https://example.test www.example.test',
  ':tada: &lt; &#60; \\<b\\> <!-- -->',
  '1. item',
  '--- ',
  '+ item',
  '\u202e reversed \u0000 \u001b[31m',
]

describe('a text in a page of Markdown', () => {
  it.each(hostile)('stays a text: %s', (text) => {
    const shown = plain(text)
    // What is left of markup are entities, and the comments that part a name from its sign.
    const bare = shown.replaceAll('<!-- -->', '').replaceAll(/&#\d+;/g, '')
    expect(bare).not.toMatch(/[&<>"'`*_~|\\[\](){}!:$^\n\r]/)
    expect(shown.replaceAll(/&#\d+;/g, 'x')).not.toMatch(/[@#]\w|^[-+=]|^\d+\. |\bwww\./)
  })

  it.each(hostile)('is one paragraph of a page, without an element of its own: %s', async (text) => {
    const page = await marked.parse(`before ${plain(text)} ${code(text)}`, { gfm: true })
    expect(page).toMatch(/^<p>(?:[^<]|<!-- -->|<\/?code>)*<\/p>\n$/)
    expect(await marked.parse(plain(text), { gfm: true })).toMatch(/^<p>(?:[^<]|<!-- -->)*<\/p>\n$/)
  })

  it('says what it said, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const read = plain(text)
          .replaceAll('<!-- -->', '')
          .replaceAll(/&#(\d+);/g, (_, point) => String.fromCharCode(Number(point)))
        // biome-ignore lint/suspicious/noControlCharactersInRegex: those that are blanks in the page
        const blanks = /[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+/g
        expect(read).toBe(text.replaceAll(blanks, ' ').trim())
      }),
    )
  })

  it('is readable where it is harmless', () => {
    expect(plain('0.7003 ≥ 0.65, 12 of 13 pass')).toBe('0.7003 ≥ 0.65, 12 of 13 pass')
    expect(code('flights@3')).toBe('<code>flights@<!-- -->3</code>')
  })

  it('cannot leave a table, a fold or a block of commands', () => {
    const [header, , row] = markdownTable(['a', 'b'], [hostile.slice(3, 5).map(plain)]).split('\n')
    expect(row?.split('|')).toHaveLength(header?.split('|').length ?? 0)
    expect(folded('</summary>', 'text')).toMatch(/^<details><summary>[^<]*<\/summary>/)
    const block = commandBlock('echo ```\n````')
    expect(block.startsWith('`````sh\n')).toBe(true)
  })
})

describe('a page that is too long', () => {
  it('is cut at a line and says so, within its limit in bytes', () => {
    const page = `${'päge '.repeat(20)}\n`.repeat(100)
    const cut = cutToBytes(page, 1_000)
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_000)
    expect(cut.split('\n').slice(0, -3)).toEqual(page.split('\n').slice(0, cut.split('\n').length - 3))
    expect(cut).toMatch(/This page is cut: .*\n$/)
    expect(cutToBytes(page, Buffer.byteLength(page))).toBe(page)
  })

  it('is left out where not even that has room', () => {
    expect(cutToBytes('a page '.repeat(100), 20)).toBe('')
    expect(cutToBytes('a page '.repeat(100), -1)).toBe('')
  })
})
