import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { halfOf } from '../../lib/formats/half.ts'
import { breakingTensorChanges } from '../../lib/formats/tensor-changes.ts'
import { isBatchedBy, type TensorFacts, type TensorSpec } from '../../lib/formats/tensors.ts'
import { checkTensors } from '../../lib/models/tensors/check-shapes.ts'
import { tensorFromJson } from '../../lib/models/tensors/elements.ts'
import { readSamples } from '../../lib/models/tensors/samples.ts'
import { differenceOf, joinSummaries, outputInWords, profileOf, summariesOf } from '../../lib/stats/tensor-summary.ts'

const spec = (name: string, shape: TensorSpec['shape'], datatype: TensorSpec['datatype'] = 'FP32'): TensorSpec => ({
  name,
  datatype,
  ...(shape !== undefined && { shape }),
})
const facts = (inputs: TensorSpec[], outputs: TensorSpec[] = [spec('y', ['n', 2])]): TensorFacts => ({
  kind: 'tensors',
  name: 'm',
  inputs,
  outputs,
  isBatched: isBatchedBy([...inputs, ...outputs]),
  model: `sha256:${'0'.repeat(64)}`,
  signature: 1,
})
const said = (name: string, shape: number[], datatype = 'FP32') => ({ name, shape, datatype, path: 'here' })

describe('items', () => {
  it.each([
    ['one name everywhere', [['n', 3], ['n']], true],
    ['no names', [['', 3], ['']], true],
    ['a name and none', [['n', 3], ['']], true],
    ['a fixed size', [[1, 3], ['n']], false],
    [
      'another name',
      [
        ['n', 3],
        ['boxes', 6],
      ],
      false,
    ],
    ['a tensor without axes', [['n', 3], []], false],
    ['a tensor of any shape', [['n', 3], undefined], false],
  ] as [string, TensorSpec['shape'][], boolean][])('are counted by the first axis: %s', (_, shapes, is) => {
    expect(isBatchedBy(shapes.map((shape, i) => spec(`t${i}`, shape)))).toBe(is)
  })
})

describe('the tensors of a request', () => {
  const text = facts([spec('ids', ['n', 's'], 'INT64'), spec('mask', ['n', 's'], 'INT64')])

  it('are taken in the order of the model, whatever theirs is, and others are named', () => {
    const { taken, ignored } = checkTensors(text, [
      said('mask', [2, 3], 'INT64'),
      said('more', [1]),
      said('ids', [2, 3], 'INT64'),
    ])
    expect(taken.map(([{ name }, { name: given }]) => [name, given])).toEqual([
      ['ids', 'ids'],
      ['mask', 'mask'],
    ])
    expect(ignored).toEqual(['more'])
  })

  it.each([
    [
      'a tensor that is missing',
      [said('ids', [1, 1], 'INT64')],
      /^inputs: no tensor for "mask"; the model takes "ids" INT64 \[n, s\]/,
    ],
    ['one that comes twice', [said('ids', [1, 1], 'INT64'), said('ids', [1, 1], 'INT64')], /a second tensor "ids"/],
    ['axes that disagree', [said('ids', [1, 4], 'INT64'), said('mask', [1, 5], 'INT64')], /s is 4 in "ids"$/],
    [
      'another datatype',
      [said('ids', [1, 4], 'INT32'), said('mask', [1, 4], 'INT64')],
      /"ids" is INT64, got datatype INT32/,
    ],
  ])('are refused: %s', (_, given, message) => {
    expect(() => checkTensors(text, given)).toThrow(message)
  })

  it('have as many items as each other where axes have no names', () => {
    const nameless = facts([spec('a', ['', 2]), spec('b', ['', 2])], [spec('y', [''])])
    expect(() => checkTensors(nameless, [said('a', [2, 2]), said('b', [3, 2])])).toThrow(
      'the first axis counts items: it is 2 in "a", 3 in "b"',
    )
  })

  it('hold what their datatypes hold, flat or nested', () => {
    const read = (datatype: TensorSpec['datatype'], data: unknown) =>
      Array.from(tensorFromJson({ name: 'x', datatype }, [2], data, 'x').data as ArrayLike<unknown>)
    expect(read('FP32', [[0.1], [null]])).toEqual([Math.fround(0.1), Number.NaN])
    expect(read('FP16', [1, -2])).toEqual([1, -2].map(halfOf))
    expect(read('INT64', [2 ** 53 - 1, -1])).toEqual([9007199254740991n, -1n])
    expect(read('BOOL', [true, 0])).toEqual([1, 0])
    expect(read('BYTES', ['größer', ''])).toEqual(['größer', ''])
    expect(() => read('UINT8', [1, 256])).toThrow('x.data[1]: 256 is no UINT8')
    expect(() => read('INT64', [1, 2 ** 53])).toThrow('past 2^53 send binary data')
    expect(() => read('INT8', [1, 1.5])).toThrow('1.5 is no INT8')
    expect(() => read('BYTES', ['a', 'b\0c'])).toThrow('is no BYTES')
    expect(() => read('FP32', [1])).toThrow('the shape asks for 2 elements, data has 1')
  })
})

describe('samples', () => {
  const image = facts([spec('x', ['n', 2])])
  const read = (content: unknown) =>
    readSamples('s.json', Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), image)
  const all = (content: unknown) => read(content).flatMap(({ x }) => Array.from(x?.data as Float32Array))

  it('are read alike as arrays, requests, a list of them, and lines', () => {
    const request = (data: number[]) => ({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length / 2, 2], data }],
    })
    const forms = [
      {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
      request([1, 2, 3, 4]),
      [{ x: [[1, 2]] }, request([3, 4])],
      `${JSON.stringify({ x: [[1, 2]] })}\n${JSON.stringify(request([3, 4]))}\n`,
    ]
    for (const form of forms) expect(all(form)).toEqual([1, 2, 3, 4])
  })

  it('are asked about a few items at a time, all of them', () => {
    const x = Array.from({ length: 70 }, (_, i) => [i, i + 0.5])
    expect(read({ x }).map(({ x: piece }) => piece?.shape)).toEqual([
      [32, 2],
      [32, 2],
      [6, 2],
    ])
    expect(all({ x })).toEqual(x.flat())
  })

  it.each([
    ['no JSON', '{', /^s\.json: it is no JSON/],
    ['nothing', '[]', /^s\.json: it has no samples/],
    ['a number', '3', /^s\.json: sample 1 is no object/],
    ['another shape', { x: [[1, 2, 3]] }, /^s\.json: sample 1: .*has shape \[n, 2\], got \[1, 3\]/],
    ['a ragged one', { x: [[1, 2], [3]] }, /the shape asks for 4 elements, data has 3/],
  ])('are refused by name: %s', (_, content, message) => {
    expect(() => read(content)).toThrow(message)
  })
})

describe('what is counted of answers', () => {
  const outputs = [
    spec('e', ['n', 3]),
    spec('one', ['n'], 'INT64'),
    spec('t', ['n'], 'BYTES'),
    spec('h', ['n', 2], 'FP16'),
  ]
  const answer = (rows: readonly (readonly number[])[]) => ({
    e: { shape: [rows.length, 3], data: Float32Array.from(rows.flat()) },
    one: { shape: [rows.length], data: BigInt64Array.from(rows, (_, i) => BigInt(i)) },
    t: { shape: [rows.length], data: rows.map((_, i) => `t${i}`) },
    h: { shape: [rows.length, 2], data: Uint16Array.from(rows.flatMap(() => [halfOf(3), halfOf(4)])) },
  })
  const rows = fc.array(fc.tuple(...[1, 2, 3].map(() => fc.float({ noNaN: true, min: -1e3, max: 1e3 }))), {
    minLength: 1,
    maxLength: 6,
  })

  it('is mean, norm and place of the largest of vectors, and numbers and texts themselves', () => {
    expect(
      summariesOf(
        outputs,
        answer([
          [3, 0, 4],
          [1, 5, 0],
        ]),
        2,
      ),
    ).toEqual({
      'output:e:mean': Float64Array.of(7 / 3, 2),
      'output:e:norm': Float64Array.of(5, Math.sqrt(26)),
      'output:e:class': ['2', '1'],
      'output:one': Float64Array.of(0, 1),
      'output:t': ['t0', 't1'],
      'output:h:mean': Float64Array.of(3.5, 3.5),
      'output:h:norm': Float64Array.of(5, 5),
      'output:h:class': ['1', '1'],
    })
  })

  it('is the same of items together and apart', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const vectors = outputs.slice(0, 1)
        const apart = all.map((row) => summariesOf(vectors, answer([row]), 1))
        expect(joinSummaries(apart)).toEqual(summariesOf(vectors, answer(all), all.length))
      }),
    )
  })

  it('is a profile whose columns have names for people', () => {
    const profile = profileOf(
      summariesOf(
        outputs,
        answer([
          [3, 0, 4],
          [1, 5, 0],
        ]),
        2,
      ),
    )
    expect(profile['output:e:norm']).toMatchObject({ kind: 'numeric', rows: 2, min: 5 })
    expect(profile['output:e:class']).toMatchObject({ kind: 'categorical', distinct: 2 })
    expect(['output:e:norm', 'output:one', 'output:a:0', 'output:a:0:class'].map(outputInWords)).toEqual([
      'norm of e',
      'output one',
      'output a:0',
      'class of a:0',
    ])
  })

  it('and two answers differ by their largest difference, their angle, and their distance', () => {
    const difference = (a: number[], b: number[]) => {
      const tensors = [a, b].map((data) => ({ e: { shape: [1, data.length], data: Float32Array.from(data) } }))
      return differenceOf(outputs.slice(0, 1), tensors[0] as never, tensors[1] as never)
    }
    expect(difference([3, 0, 4], [3, 0, 4])).toEqual({ largest: 0, cosine: 1, relative: 0 })
    expect(difference([3, 0, 4], [6, 0, 8])).toEqual({ largest: 4, cosine: 1, relative: 1 })
    expect(difference([1, 0, 0], [0, 1, 0])).toEqual({ largest: 1, cosine: 0, relative: Math.SQRT2 })
    expect(difference([1, 0, 0], [1, 0])).toMatchObject({ largest: Number.POSITIVE_INFINITY })
    expect(difference([Number.POSITIVE_INFINITY, 1], [Number.POSITIVE_INFINITY, 1])).toMatchObject({ largest: 0 })
    expect(difference([Number.NaN, 1], [2, 1])).toMatchObject({ largest: Number.POSITIVE_INFINITY })
    fc.assert(
      fc.property(rows, rows, ([a], [b]) => {
        const [there, back] = [difference(a as number[], b as number[]), difference(b as number[], a as number[])]
        expect(there.largest).toBe(back.largest)
        expect(there.cosine).toEqual(back.cosine)
      }),
    )
  })
})

describe('another version', () => {
  const before = facts([spec('x', ['n', 3])], [spec('y', ['n', 2])])
  it.each([
    ['the same', before, []],
    ['takes more shapes', facts([spec('x', ['n', 'any'])]), []],
    ['names its axes otherwise', facts([spec('x', ['batch', 3])], [spec('y', ['batch', 2])]), []],
    ['answers more', facts([spec('x', ['n', 3])], [spec('y', ['n', 2]), spec('z', ['n'])]), []],
    ['takes another size', facts([spec('x', ['n', 4])]), ['input "x" was FP32 [n, 3] and is FP32 [n, 4]']],
    ['takes another datatype', facts([spec('x', ['n', 3], 'FP16')]), ['input "x" was FP32 [n, 3] and is FP16 [n, 3]']],
    ['asks for more', facts([spec('x', ['n', 3]), spec('w', ['n'])]), ['input "w" is new']],
    ['answers less', facts([spec('x', ['n', 3])], [spec('z', ['n'])]), ['output "y" is gone']],
    [
      'answers another size',
      facts([spec('x', ['n', 3])], [spec('y', ['n', 9])]),
      ['output "y" was FP32 [n, 2] and is FP32 [n, 9]'],
    ],
    [
      'takes one item',
      facts([spec('x', [1, 3])], [spec('y', [1, 2])]),
      ['input "x" was FP32 [n, 3] and is FP32 [1, 3]', 'a request is about one item now'],
    ],
  ] as [string, TensorFacts, string[]][])('that %s', (_, after, changes) => {
    expect(breakingTensorChanges(before, after)).toEqual(changes)
  })
})
