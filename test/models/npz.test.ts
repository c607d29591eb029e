import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { fromHalf } from '../../lib/formats/half.ts'
import type { TensorFacts, TensorSpec } from '../../lib/formats/tensors.ts'
import { readNpy, readNpz } from '../../lib/models/tensors/npz.ts'
import { readSamples } from '../../lib/models/tensors/samples.ts'

/*
 * Files that NumPy 2.4.6 wrote (test/reference/samples_npz.py), and what they hold by its own words.
 */
const read = (name: string): Buffer => readFileSync(join(packageRoot, 'test/models/samples', name))
const { values, shapes } = JSON.parse(read('all.json').toString()) as {
  values: Record<string, (number | string)[]>
  shapes: Record<string, number[]>
}
const facts = (...inputs: TensorSpec[]): TensorFacts => ({
  kind: 'tensors',
  name: 'm',
  inputs,
  outputs: [{ name: 'y', datatype: 'FP32', shape: ['n'] }],
  isBatched: true,
  model: `sha256:${'0'.repeat(64)}`,
  signature: 1,
})
const image = facts({ name: 'image', datatype: 'FP32', shape: ['n', 3, 8, 8] })
const tokens = facts(
  { name: 'input_ids', datatype: 'INT64', shape: ['n', 's'] },
  { name: 'attention_mask', datatype: 'INT64', shape: ['n', 's'] },
)

describe('arrays of an .npz', () => {
  it.each(['all.npz', 'packed.npz'])('are what NumPy put there, stored or packed: %s', (file) => {
    const arrays = readNpz(read(file))
    const plain = Object.entries(arrays).map(([name, { data, datatype }]) => [
      name,
      Array.from(data as ArrayLike<number>, (each) =>
        typeof each === 'bigint' ? String(each) : datatype === 'FP16' ? fromHalf(each) : each,
      ),
    ])
    expect(Object.fromEntries(plain)).toEqual(values)
    expect(Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, shape]))).toEqual(shapes)
    expect(Object.values(arrays).map(({ datatype }) => datatype)).toEqual([
      'FP32',
      'FP64',
      'FP16',
      'INT64',
      'UINT8',
      'BOOL',
      'BYTES',
      'FP32',
    ])
  })

  it.each([
    ['fortran.npy', 'in the order of Fortran'],
    ['big.npy', 'of type ">f4"'],
    ['complex.npy', 'of type "<c8"'],
  ])('are refused by their type or order: %s', (file, said) => {
    expect(() => readNpy(read(file))).toThrow(said)
  })

  it('are read whole, or refused: wherever a file is cut off or changed', () => {
    const bytes = read('all.npz')
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, isCut) => {
        const broken = Buffer.from(isCut ? bytes.subarray(0, at) : bytes)
        if (!isCut) broken[at] = (broken[at] as number) ^ by
        let arrays: ReturnType<typeof readNpz>
        try {
          arrays = readNpz(broken)
        } catch (error) {
          return error instanceof Error
        }
        // What is not covered by a checksum are names and times.
        const known = Object.values(readNpz(bytes)).map(({ data }) => data)
        return Object.values(arrays).every(({ data }) =>
          known.some((each) => JSON.stringify([...each].map(String)) === JSON.stringify([...data].map(String))),
        )
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('sample inputs', () => {
  it('may be an .npz of all inputs, or the .npy of the only one', () => {
    const [sample, ...others] = readSamples('tokens.npz', read('tokens.npz'), tokens)
    expect(others).toEqual([])
    expect(sample?.input_ids).toEqual({ shape: [2, 3], data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n) })
    const [first] = readSamples('image.npy', read('image.npy'), image)
    expect(first?.image?.shape).toEqual([2, 3, 8, 8])
    expect(first?.image?.data[1]).toBeCloseTo(-1 + 2 / 383, 6)
  })

  it.each([
    ['image.npy', tokens, 'image.npy: one array for the inputs input_ids, attention_mask: save an .npz of them'],
    ['tokens.npz', image, 'tokens.npz: inputs: no tensor for "image"; the model takes "image" FP32 [n, 3, 8, 8]'],
    [
      'image.npy',
      facts({ name: 'x', datatype: 'FP64', shape: ['n', 3, 8, 8] }),
      'image.npy: x: input "x" is FP64, got datatype FP32',
    ],
    [
      'image.npy',
      facts({ name: 'x', datatype: 'FP32', shape: ['n', 3, 9, 9] }),
      'has shape [n, 3, 9, 9], got [2, 3, 8, 8]',
    ],
  ] as [string, TensorFacts, string][])('are refused by name where they are others: %s', (file, of, said) => {
    expect(() => readSamples(file, read(file), of)).toThrow(said)
  })
})
