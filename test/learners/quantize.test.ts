import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, describe, expect, it } from 'vitest'
import { optimised } from '../../lib/learners/optimise/optimise.ts'
import { quantized } from '../../lib/learners/optimise/quantize.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { constant, onnxFile, op, readBack, tensorValue, types } from '../support/finished-models.ts'

/*
 * Weights as int8: what is made is compared with the same arithmetic written anew, in whole numbers, and with what
 * errors of half a step can add up to.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-quantize-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Numbers around 0, always the same for a seed. */
const numbers = (count: number, seed: number, scale = 1): Float32Array => {
  const random = seededRandom(seed)
  return Float32Array.from({ length: count }, () => scale * (random() / 2 ** 31 - 1))
}

const rows = tensorValue('x', types.float, ['N', 48])
const result = (width: number) => tensorValue('y', types.float, ['N', width])

/** x [N, 48] times a matrix. */
const product = (weights: Float32Array, width: number): Uint8Array =>
  onnxFile({
    inputs: [rows],
    nodes: [op('MatMul', ['x', 'w'], ['y'])],
    constants: [constant('w', [48, width], weights)],
    outputs: [result(width)],
  })

/** Three layers, as exporters write them: Gemm with transposed weights and a bias, MatMul and Add. */
function layers(opset = 17): Uint8Array {
  return onnxFile(
    {
      inputs: [rows],
      nodes: [
        op('Gemm', ['x', 'w1', 'b1'], ['h1'], { transB: 1 }),
        op('Relu', ['h1'], ['a1']),
        op('MatMul', ['a1', 'w2'], ['h2']),
        op('Tanh', ['h2'], ['a2']),
        op('Gemm', ['a2', 'w3', 'b3'], ['s']),
        op('Sigmoid', ['s'], ['y']),
      ],
      constants: [
        constant('w1', [64, 48], numbers(64 * 48, 1, 0.3)),
        constant('b1', [64], numbers(64, 2)),
        constant('w2', [64, 64], numbers(64 * 64, 3, 0.3)),
        constant('w3', [64, 1], numbers(64, 4)),
        constant('b3', [1], numbers(1, 5)),
      ],
      outputs: [result(1)],
    },
    { opsets: { '': opset } },
  )
}

async function answers(model: Uint8Array, x: Float32Array, width = 48): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const { y } = await session.run({ x: new Tensor('float32', x, [x.length / width, width]) })
  await session.release()
  return (y as Tensor).data as Float32Array
}

/** Rounded to the nearest whole number, a half to the even one. */
function nearest(value: number): number {
  const low = Math.floor(value)
  return value - low === 0.5 ? low + (Math.abs(low) % 2) : Math.round(value)
}

describe('a product with int8 weights', () => {
  it.each([1, 2, 3, 4, 5])('is that of whole numbers, a scale a row and a scale a column (seed %i)', async (seed) => {
    const width = 16
    const [w, x] = [numbers(48 * width, seed), numbers(5 * 48, seed + 100, 10 ** (seed - 3))]
    const got = await answers(quantized(product(w, width)).model, x)
    for (let row = 0; row < 5; row++)
      for (let column = 0; column < width; column++) {
        const given = Array.from({ length: 48 }, (_, k) => x[row * 48 + k] as number)
        const weights = Array.from({ length: 48 }, (_, k) => w[k * width + column] as number)
        const ofRow = Math.max(...given.map(Math.abs))
        const ofColumn = Math.fround(Math.max(...weights.map(Math.abs)) / 127)
        const sum = given.reduce(
          (total, value, k) =>
            total + nearest(Math.fround(value * Math.fround(127 / ofRow))) * nearest((weights[k] as number) / ofColumn),
          0,
        )
        expect(got[row * width + column]).toBeCloseTo((sum * ofColumn * ofRow) / 127, 5 - Math.max(0, seed - 3))
      }
  })

  it.each([1, 2, 3])(
    'is no further from the exact one than half a step of each factor adds up to (seed %i)',
    async (seed) => {
      const width = 32
      const [w, x] = [numbers(48 * width, seed), numbers(64 * 48, seed + 50)]
      const got = await answers(quantized(product(w, width)).model, x)
      for (let row = 0; row < 64; row++)
        for (let column = 0; column < width; column++) {
          const given = x.subarray(row * 48, (row + 1) * 48)
          const weights = Float64Array.from({ length: 48 }, (_, k) => w[k * width + column] as number)
          const [stepX, stepW] = [given, weights].map((v) => Math.max(...v.map(Math.abs)) / 254) as [number, number]
          let [exact, most] = [0, 0]
          given.forEach((value, k) => {
            const weight = weights[k] as number
            exact += value * weight
            most += Math.abs(value) * stepW + Math.abs(weight) * stepX + stepX * stepW
          })
          expect(Math.abs((got[row * width + column] as number) - exact)).toBeLessThan(most * 1.001)
        }
    },
  )

  it('is exact where all factors are the largest there are: no processor saturates sums of two products', async () => {
    const w = Float32Array.from({ length: 48 * 16 }, (_, i) => (i % 3 === 0 ? -127 : 127))
    const x = Float32Array.from({ length: 4 * 48 }, (_, i) => (i % 5 === 0 ? -127 : 127))
    expect(await answers(quantized(product(w, 16)).model, x)).toEqual(await answers(product(w, 16), x))
  })

  it('answers NaN where a number of the row is NaN, and a row of zeros is 0', async () => {
    const x = numbers(3 * 48, 9)
    x[5] = Number.NaN
    x.fill(0, 48, 96)
    const got = await answers(quantized(product(numbers(48 * 4, 8), 4)).model, x)
    expect([...got.subarray(0, 4)]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN])
    expect([...got.subarray(4, 8)]).toEqual([0, 0, 0, 0])
    expect([...got.subarray(8)].every(Number.isFinite)).toBe(true)
  })
})

describe('a model with int8 weights', () => {
  it.each([false, true])('answers a row alone as in a batch of 4,096, bit by bit (fused: %s)', async (fuse) => {
    const { onnx } = await optimised(layers(), { quantize: 'int8', ...(fuse && { fuse }) }, folder)
    const x = numbers(4_096 * 48, 11)
    // One row that is a thousand times as large: by one scale for all, the others would be zeros.
    for (let i = 0; i < 48; i++) x[i] = (x[i] as number) * 1_000
    const together = await answers(onnx, x)
    for (const row of [0, 1, 2, 777, 4_095])
      expect((await answers(onnx, x.slice(row * 48, (row + 1) * 48)))[0]).toBe(together[row])
  })

  it.each([11, 13, 17, 18, 21])('is written for version %i of the operators', async (opset) => {
    const [model, x] = [layers(opset), numbers(200 * 48, 12)]
    const { model: made, products, left } = quantized(model)
    expect({ products, left }).toEqual({ products: 3, left: {} })
    const [before, after] = [await answers(model, x), await answers(made, x)]
    expect(Math.max(...before.map((value, i) => Math.abs(value - (after[i] as number))))).toBeLessThan(0.02)
    expect(Math.max(...before) - Math.min(...before)).toBeGreaterThan(0.5)
  })

  it.each([{ quantize: 'int8' }, { fuse: true }, { fuse: true, quantize: 'int8' }] as const)(
    'is the same bytes every time: %o',
    async (options) => {
      const { onnx } = await optimised(layers(), options, folder)
      expect(Buffer.compare(onnx, (await optimised(layers(), options, folder)).onnx)).toBe(0)
    },
  )

  it('looks rows up in tables of int8, a scale a row, and keeps what a graph within it uses', async () => {
    const table = numbers(500 * 32, 21)
    for (let i = 0; i < 32; i++) table[i] = (table[i] as number) * 100
    const branch = (name: string, ...nodes: object[]) => ({
      name,
      nodes,
      inputs: [],
      outputs: [tensorValue(`of ${name}`, types.float, ['N', 32])],
    })
    const model = onnxFile({
      inputs: [tensorValue('ids', types.int64, ['N']), tensorValue('more', types.bool, [])],
      nodes: [
        op('Gather', ['table', 'ids'], ['found']),
        op('MatMul', ['found', 'w'], ['mixed']),
        op('If', ['more'], ['y'], {
          then_branch: branch('then', op('MatMul', ['mixed', 'w'], ['of then'])),
          else_branch: branch('else', op('Identity', ['mixed'], ['of else'])),
        }),
      ],
      constants: [constant('table', [500, 32], table), constant('w', [32, 32], numbers(32 * 32, 22))],
      outputs: [result(32)],
    })
    const made = quantized(model)
    expect({ ...made, model: null }).toEqual({ model: null, products: 1, tables: 1, left: {} })
    const names = readBack(made.model).graph.constants.map(({ name }: { name: string }) => name)
    expect(names).toContain('w')
    expect(names).not.toContain('table')
    const run = async (bytes: Uint8Array): Promise<Float32Array> => {
      const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 })
      const ids = new Tensor(
        'int64',
        BigInt64Array.from({ length: 500 }, (_, i) => BigInt(i)),
      )
      const { y } = await session.run({ ids, more: new Tensor('bool', [false], []) })
      await session.release()
      return (y as Tensor).data as Float32Array
    }
    const [before, after] = [await run(model), await run(made.model)]
    for (let row = 0; row < 500; row++) {
      const own = before.subarray(row * 32, (row + 1) * 32)
      const size = Math.max(...own.map(Math.abs))
      own.forEach((value, i) => {
        expect(Math.abs(value - (after[row * 32 + i] as number))).toBeLessThan(size * 0.03)
      })
    }
  })

  it('is a quarter of the bytes', () => {
    const wide = product(numbers(48 * 4_096, 31), 4_096)
    expect(quantized(wide).model.length / wide.length).toBeLessThan(0.28)
  })
})

describe('a model that int8 makes no better', () => {
  it('is refused by what it has instead', async () => {
    const sums = onnxFile({
      inputs: [rows],
      nodes: [op('ReduceSum', ['x'], ['y'], { keepdims: 1 })],
      outputs: [result(1)],
    })
    await expect(optimised(sums, { quantize: 'int8' }, folder)).rejects.toMatchObject({
      code: 'OPTIMISE_UNSUITABLE',
      message: expect.stringContaining('it has operators ReduceSum'),
    })
    await expect(optimised(layers(10), { quantize: 'int8' }, folder)).rejects.toMatchObject({
      message: expect.stringContaining('version 10 of the operators of ai.onnx, and int8 needs 11'),
    })
    await expect(optimised(product(numbers(48, 1), 1), { quantize: 'int8' }, folder)).rejects.toMatchObject({
      message: expect.stringMatching(/int8 makes it no smaller: \d+ bytes, of \d+ before/),
    })
  })
})
