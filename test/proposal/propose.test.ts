import { describe, expect, it } from 'vitest'
import { featuresOf } from '../../lib/proposal/examples.ts'
import { madeUpRows } from '../../lib/proposal/made-up-rows.ts'
import type { Proposal } from '../../lib/proposal/propose.ts'
import { proposalFor, saidOf } from '../support/proposals.ts'

/** A CSV text: a header, and rows by their number from 0. */
const csv = (
  header: string,
  row: (i: number) => readonly unknown[],
  { rows = 200, by = ',', end = '\n' } = {},
): string => [header, ...Array.from({ length: rows }, (_, i) => row(i).join(by))].join(end)
const day = (i: number): string => new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10)
const german = (i: number): string => day(i).split('-').reverse().join('.')
/** Numbers that look thrown, the same every time. */
const thrown = (i: number, below: number): number => (Math.imul(i + 1, 2654435761) >>> 8) % below

const columnOf = ({ columns }: Proposal, name: string) => columns.find(({ profile }) => profile.name === name)
const names = (proposal: Proposal): string[] => featuresOf(proposal).map(({ name }) => name)

describe('how a column is read', () => {
  it.each<[string, (i: number) => unknown, string, string]>([
    ['whole numbers', (i) => thrown(i, 900), 'z.int().min(0)', 'a whole number'],
    ['fractions', (i) => -thrown(i, 900) / 8, 'z.number()', 'a number'],
    ['0 and 1', (i) => thrown(i, 2), 'z.int().min(0).max(1)', 'a whole number'],
    ['yes and no', (i) => (thrown(i, 2) ? 'Yes' : 'No'), 'z.boolean()', 'yes or no'],
    ['Y and N', (i) => (thrown(i, 2) ? 'Y' : 'N'), 'z.boolean()', 'yes or no'],
    ['ISO days', (i) => day(thrown(i, 300)), 'z.date()', 'a time'],
    ['ISO times', (i) => `${day(thrown(i, 300))}T10:20:30Z`, 'z.date()', 'a time'],
    ['German days', (i) => german(thrown(i, 300)), 'z.date()', 'which is %d.%m.%Y'],
    ['American days', (i) => `1/${13 + thrown(i, 15)}/2024`, 'z.date()', 'which is %m/%d/%Y'],
    [
      'days that may be months',
      (i) => `${1 + thrown(i, 12)}/${1 + thrown(i + 7, 12)}/2024`,
      'z.date()',
      'both would do',
    ],
    ['days with a time behind', (i) => `${german(thrown(i, 300))} 08:${10 + thrown(i, 50)}`, 'z.date()', '%d.%m.%Y'],
    ['prices', (i) => `"$1,${100 + thrown(i, 800)}.50"`, 'z.number().min(0)', 'a number'],
    ['shares', (i) => `${thrown(i, 100)} %`, 'z.number().min(0)', 'a number'],
    ['fractions with a comma', (i) => `"${thrown(i, 900)},5"`, 'z.number().min(0)', 'a number'],
    ['postal codes', (i) => `0${1000 + thrown(i, 20)}`, 'z.string()', 'a text'],
    ['few words', (i) => ['red', 'green', 'blue'][thrown(i, 3)], "z.enum(['blue', 'green', 'red'])", 'a text'],
    [
      'numbers and a typing error',
      (i) => (i === 77 ? 'abc' : thrown(i, 900)),
      'z.int().min(0)',
      '1 rows have something else',
    ],
    ['numbers and NA', (i) => (i % 9 === 0 ? 'NA' : thrown(i, 900)), 'z.int().min(0).nullable()', 'missing in 23 rows'],
    ['numbers and gaps', (i) => (i % 9 === 0 ? '' : thrown(i, 900)), 'z.int().min(0).nullable()', 'missing in 23 rows'],
  ])('%s', async (_, cell, rule, said) => {
    const proposal = await proposalFor(csv('a,b,target', (i) => [cell(i), thrown(i + 3, 1000) / 7, thrown(i + 9, 2)]))
    expect(columnOf(proposal, 'a')?.rule).toBe(rule)
    expect(saidOf(proposal, 'a')).toContain(said)
  })

  it('a byte order mark, quotes around names, semicolons and CRLF are no hindrance', async () => {
    const text = csv('"Größe; in m²";"class"', (i) => [`"${thrown(i, 90)},5"`, thrown(i + 1, 2)], {
      by: ';',
      end: '\r\n',
    })
    const proposal = await proposalFor(`\uFEFF${text}`)
    expect(proposal.table).toMatchObject({ delimiter: ';', header: true, rows: 200 })
    expect(proposal.target.column.name).toBe('class')
    expect(columnOf(proposal, 'Größe; in m²')).toMatchObject({ variable: 'groesse_in_m2', rule: 'z.number().min(0)' })
  })

  it('columns without names are called by their places, and all are in the schema', async () => {
    const text = csv('', (i) => [thrown(i, 100) / 3, 'x', thrown(i + 5, 2)])
    const proposal = await proposalFor(text.slice(1))
    expect(proposal.table.header).toBe(false)
    expect(proposal.columns.map(({ profile }) => profile.name)).toEqual(['column1', 'column2', 'column3'])
    expect(names(proposal)).toEqual(['column1'])
    expect(saidOf(proposal, 'table')).toContain('its first row holds values and no names')
  })

  it('lines of JSON keep their types: digits in quotes are turned by SQL', async () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
      JSON.stringify({ a: thrown(i, 50), b: `${thrown(i + 4, 50)}`, target: i % 3 === 0, tags: [i] }),
    )
    const proposal = await proposalFor(rows.join('\n'), {}, 'rows.jsonl')
    expect(columnOf(proposal, 'a')).toMatchObject({ rule: 'z.int().min(0)', convert: undefined })
    expect(columnOf(proposal, 'b')?.convert).toContain('AS DOUBLE')
    expect(proposal.target).toMatchObject({ task: 'binary', positive: undefined })
    expect(saidOf(proposal, 'tags')).toContain('lists or objects')
  })
})

describe('what is left out, and why', () => {
  const table = (header: string, more: (i: number, y: number) => unknown): Promise<Proposal> =>
    proposalFor(
      csv(`${header},age,churned`, (i) => {
        const y = thrown(i, 100) < 30 ? 1 : 0
        return [more(i, y), 18 + thrown(i + 50, 60), y]
      }),
    )

  it.each<[string, string, (i: number, y: number) => unknown, RegExp]>([
    ['an identifier by its name', 'customer_id', (i) => thrown(i, 1e6), /an identifier/],
    ['numbers counted through', 'n', (i) => i + 5, /an identifier/],
    ['one word each', 'hash', (i) => `x${i * 7919}`, /an identifier/],
    ['sentences', 'note', (i) => `came in ${i} and left`, /no categories/],
    ['a constant', 'country', () => 'DE', /"DE" in every row/],
    ['nothing at all', 'empty', () => '', /no value in any row/],
    ['the target in other words', 'status', (_, y) => (y ? 'gone' : 'here'), /tells churned in every row/],
    ['the target again', 'y2', (_, y) => y * 3 + 1, /churned again/],
    ['what is known afterwards', 'left_on', (i, y) => (y ? day(i) : ''), /only afterwards/],
    ['a name of JavaScript', '__proto__', (i) => thrown(i, 9), /rename it/],
  ])('%s', async (_, name, cell, why) => {
    const proposal = await table(name, cell)
    expect(saidOf(proposal, name)).toMatch(why)
    expect(names(proposal)).toEqual(['age'])
    expect(columnOf(proposal, name)).toBeUndefined()
  })

  it('a column that comes twice under two names', async () => {
    expect(saidOf(await table('years,x', (i) => `${thrown(i, 70)},${thrown(i, 70)}`), 'x')).toBe(
      'left out: the same as years in every row',
    )
  })

  it('two columns of one name, and one without any', async () => {
    const proposal = await proposalFor(csv('a,a,,age,target', (i) => [1, 2, 3, thrown(i, 60), thrown(i + 5, 2)]))
    expect(names(proposal)).toEqual(['age'])
    expect(saidOf(proposal, 'a')).toContain('several columns are called so')
    expect(saidOf(proposal, 'table')).toContain('without a name')
  })
})

describe('what is predicted', () => {
  const two = (header: string, cell: (i: number) => unknown, asked?: string): Promise<Proposal> =>
    proposalFor(
      csv(`${header},other`, (i) => [cell(i), thrown(i + 40, 500) / 3]),
      { target: asked },
    )

  it('what is called so, wherever it stands; or else what is last', async () => {
    expect((await two('price', (i) => thrown(i, 900))).target).toMatchObject({
      task: 'regression',
      why: 'it is called as such columns are',
    })
    const last = await two('colour', (i) => ['a', 'b', 'c'][thrown(i, 3)])
    expect(last.target).toMatchObject({ column: { name: 'other' }, task: 'regression', why: 'it is the last column' })
  })

  it('two words, of which the rarer is yes', async () => {
    const { target } = await two('outcome', (i) => (thrown(i, 10) < 3 ? 'malfunction' : 'fine'))
    expect(target).toMatchObject({ task: 'binary', positive: 'malfunction' })
  })

  it('classes of texts, and of numbers that are called so', async () => {
    expect((await two('species', (i) => 'abc'[thrown(i, 3)])).target.task).toBe('multiclass')
    expect((await two('class', (i) => thrown(i, 3))).target.task).toBe('multiclass')
    expect((await two('rooms', (i) => thrown(i, 3), 'rooms')).target.task).toBe('regression')
  })

  it('rows without it are set aside, and so many may be', async () => {
    const proposal = await two('target', (i) => (i % 10 === 0 ? '' : thrown(i, 2)))
    expect(proposal.maxBadRows).toBe(0.15)
    expect(columnOf(proposal, 'target')?.nullable).toBe(false)
  })

  it.each([
    ['Price', /no column "Price"/, 'did you mean --target price?'],
    ['when', /it holds times/, '--target with another column'],
    ['note', /200 different values/, '--target with another column'],
    ['same', /it is x in every row/, '--target with another column'],
  ])('not %s', async (asked, message, next) => {
    const text = csv('price,when,note,same', (i) => [thrown(i, 900), day(i), `a b ${i}`, 'x'])
    await expect(proposalFor(text, { target: asked })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(message),
      facts: { next },
    })
  })
})

describe('how rows are parted', () => {
  it('by time, a fifth of the rows each, as its days are', async () => {
    const { split } = await proposalFor(csv('day,a,target', (i) => [day(i), thrown(i, 90), thrown(i + 5, 2)]))
    expect(split).toMatchObject({
      kind: 'time',
      rule: expect.stringMatching(/^\{ by: 'day', test: '40d', validation: '4[01]d' \}$/),
    })
  })

  it('not by a day of birth, and not by one day that most rows have', async () => {
    const born = await proposalFor(csv('birth_date,a,target', (i) => [day(i), thrown(i, 90), thrown(i + 5, 2)]))
    expect(born.split.kind).toBe('strata')
    const same = await proposalFor(csv('day,a,target', (i) => [day(Math.min(i, 12)), thrown(i, 90), thrown(i + 5, 2)]))
    expect(same.split.kind).toBe('strata')
  })

  it('so that rows of one customer stay together', async () => {
    const { split } = await proposalFor(
      csv('customer_id,a,price', (i) => [`c${i % 40}`, thrown(i, 90), thrown(i + 5, 500)]),
    )
    expect(split.rule).toBe("{ byHashOf: 'customer_id', validation: 0.2, test: 0.2, seed: 7 }")
  })

  it('or at random', async () => {
    const { split } = await proposalFor(csv('a,price', (i) => [thrown(i, 90), thrown(i + 5, 500)]))
    expect(split.kind).toBe('random')
  })
})

describe('made-up rows', () => {
  it('hold values of the table, no row of it, and all classes in turn', async () => {
    const text = csv('day,note,age,plan,churned', (i) => [
      day(i),
      `n ${i}`,
      thrown(i, 7000) / 7,
      'abc'[thrown(i, 3)],
      thrown(i + 5, 2) ? 'bye' : 'hi',
    ])
    const proposal = await proposalFor(text)
    const rows = madeUpRows(proposal)
    expect(rows).toHaveLength(50)
    expect(rows.slice(0, 4).map(({ churned }) => churned === rows[0]?.churned)).toEqual([true, false, true, false])
    expect(rows.map(({ day }) => day)).toEqual(rows.map(({ day }) => day).sort())
    const lines = new Set(
      text.split('\n').map((line) =>
        line
          .split(',')
          .filter((_, i) => i !== 1)
          .join(),
      ),
    )
    expect(rows.filter(({ day, age, plan, churned }) => lines.has([day, age, plan, churned].join()))).toHaveLength(0)
    expect(Object.keys(rows[0] ?? {})).not.toContain('note')
  })
})

describe('what is no table', () => {
  it.each<[string, string | Uint8Array, string, RegExp]>([
    ['an empty file', '', 'SOURCE_EMPTY', /is empty/],
    ['blanks', ' \n\n', 'SOURCE_EMPTY', /is empty/],
    ['a header alone', 'a,b\n', 'SOURCE_EMPTY', /no rows/],
    ['one row', 'a,target\n1,2\n', 'USAGE', /one row/],
    [
      'rows without a value',
      `a,b\n${',\n'.repeat(60)}`,
      'USAGE',
      /no column of .* can be predicted: a: it has no value/,
    ],
    ['UTF-16', Buffer.from('\uFEFFa,b\n1,2\n', 'utf16le'), 'SOURCE_UNREADABLE', /UTF-16/],
    ['Latin-1', Buffer.from('a,b\nä,1\n', 'latin1'), 'SOURCE_UNREADABLE', /no UTF-8/],
    ['a quote that never closes', 'a,b\n"x,1\n', 'SOURCE_UNREADABLE', /never closes/],
    [
      'only the target',
      `target\n${Array.from({ length: 60 }, (_, i) => i % 2).join('\n')}`,
      'USAGE',
      /nothing in .* is left/,
    ],
  ])('%s', async (_, content, code, message) => {
    await expect(proposalFor(content)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
  it('a file whose name says nothing', async () => {
    await expect(proposalFor('a,b\n1,2\n', {}, 'rows.xlsx')).rejects.toMatchObject({ code: 'USAGE' })
  })
})
