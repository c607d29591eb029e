import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { packageRoot } from '../../lib/code/host.ts'
import { readPage } from '../../scripts/docs/markdown.ts'

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8')

/*
 * GitHub's documentation: "Syntax for GitHub's form schema", "Syntax for issue forms" and "Common validation errors
 * when creating issue forms". A form that breaks a rule is not offered to anybody, and nothing says so.
 */
const text = z.string().trim().min(1)
const validations = z.strictObject({ required: z.boolean() }).optional()
const named = {
  id: z
    .string()
    .regex(/^[\w-]+$/)
    .optional(),
}
const field = { label: text, description: text.optional() }
const written = { ...field, placeholder: text.optional(), value: text.optional() }
const Element = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('markdown'), attributes: z.strictObject({ value: text }) }),
  z.strictObject({ type: z.literal('input'), ...named, attributes: z.strictObject(written), validations }),
  z.strictObject({
    type: z.literal('textarea'),
    ...named,
    attributes: z.strictObject({ ...written, render: text.optional() }),
    validations,
  }),
  z.strictObject({
    type: z.literal('dropdown'),
    ...named,
    attributes: z.strictObject({ ...field, multiple: z.boolean().optional(), options: distinct(z.array(text).min(1)) }),
    validations,
  }),
])
const Form = z.strictObject({
  name: text,
  description: text,
  title: text.optional(),
  labels: z.array(text).optional(),
  body: z
    .array(Element)
    .refine((body) => body.some(({ type }) => type !== 'markdown'), 'a form asks for something')
    .refine((body) => areDistinct(body.map((each) => ('id' in each ? each.id : undefined))), 'ids are unique')
    .refine(
      (body) => areDistinct(body.map(({ attributes }) => ('label' in attributes ? attributes.label : undefined))),
      'labels are unique',
    ),
})
function distinct<Of extends z.ZodArray<z.ZodString>>(list: Of) {
  return list.refine((values) => areDistinct(values), 'choices are unique')
}
function areDistinct(values: readonly (string | undefined)[]): boolean {
  const given = values.filter((value) => value !== undefined)
  return new Set(given).size === given.length
}

describe('a form for issues', () => {
  const folder = '.github/ISSUE_TEMPLATE'
  const forms = readdirSync(join(packageRoot, folder)).filter((file) => file !== 'config.yml')

  it.each(forms)('is one that GitHub offers: %s', (file) => {
    expect(Form.safeParse(parse(read(join(folder, file)))).error?.issues).toBeUndefined()
  })

  it('has a name of its own', () => {
    expect(new Set(forms.map((file) => parse(read(join(folder, file))).name)).size).toBe(forms.length)
    expect(forms.length).toBe(3)
  })

  it.each([
    ['name: a\nbody: []'],
    ['name: a\ndescription: b\nbody: [{ type: markdown, attributes: { value: c } }]'],
    ['name: a\ndescription: b\nbody: [{ type: input, attributes: { label: c, options: [d] } }]'],
    ['name: a\ndescription: b\nbody: [{ type: dropdown, attributes: { label: c, options: [d, d] } }]'],
    ['name: a\ndescription: b\nbody: [{ type: input, id: x y, attributes: { label: c } }]'],
  ])('is refused by these rules where GitHub does: %s', (form) => {
    expect(Form.safeParse(parse(form)).success).toBe(false)
  })
})

describe('examples/README.md', () => {
  const page = readPage('examples/README.md', read('examples/README.md'))

  it('names every example, and tests that carry it out', () => {
    const folders = readdirSync(join(packageRoot, 'examples'), { withFileTypes: true }).filter((each) =>
      each.isDirectory(),
    )
    for (const { name } of folders) expect(page.text).toContain(`\`${name}/`)
    const rows = page.text.split('\n').filter((line) => line.startsWith('| ['))
    for (const row of rows) {
      const tests = [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, test = '']) => test)
      expect(tests, row).not.toEqual([])
      for (const test of tests) expect(read(test), `${test} of ${row}`).toMatch(/examples/)
      expect(row.includes('(peers)')).toBe(tests.every((test) => test.startsWith('test/peers/')))
    }
  })
})

describe('CONTRIBUTING.md and SECURITY.md', () => {
  it('name scripts and files that are there', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const words = ['CONTRIBUTING.md', 'SECURITY.md', '.github/PULL_REQUEST_TEMPLATE.md'].map(read).join('\n')
    for (const [, script] of words.matchAll(/npm run ([\w:-]+)/g)) expect(Object.keys(scripts)).toContain(script)
    for (const [, file = ''] of words.matchAll(/(?<![\w/])((?:lib|test|docs|gateway|scripts)\/[\w./-]*\w)/g))
      expect(existsSync(join(packageRoot, file)), file).toBe(true)
  })
})

describe('docs/understanding/comparison.md', () => {
  const page = read('docs/understanding/comparison.md')

  it('says when, of which versions, and first what others do better', () => {
    expect(page).toMatch(/^# Comparison\n\nSlipway [\d.]+ in November 2026, beside ZenML [\d.]+, Metaflow [\d.]+/)
    expect(page.indexOf('## What others do better')).toBeLessThan(page.indexOf('## Row by row'))
  })

  it('has in every row an answer of every system, and the pages that it is from', () => {
    const rows = page.split('\n').filter((line) => /^\| (?!question|---)/.test(line))
    expect(rows.length).toBeGreaterThan(25)
    for (const row of rows) {
      const cells = row.split('|').slice(1, -1)
      expect(cells.length, row).toBe(9)
      for (const cell of cells) expect(cell.trim(), row).not.toBe('')
    }
    expect(rows.filter((row) => row.includes('not offered')).length).toBeGreaterThan(10)
  })
})
