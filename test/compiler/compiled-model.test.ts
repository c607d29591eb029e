import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binOf, criticalValues } from '../../lib/compiler/bins.ts'
import { checkBins, checkMasks } from '../../lib/compiler/check.ts'
import { type CompiledBytes, compileModel, planOf } from '../../lib/compiler/compile.ts'
import { startCompiledModel } from '../../lib/compiler/compiled-model.ts'
import { powersOfTwo } from '../../lib/compiler/exponential.ts'
import { sumsOf } from '../../lib/compiler/walk.ts'
import { compareWithOnnxRuntime } from '../../lib/models/compare-engines.ts'
import { fuzzRows } from '../../lib/models/fuzz-rows.ts'
import { seededRandom } from '../../lib/stats/random.ts'
import { averaged, type Draw, drawTree, forestModel } from '../support/forests.ts'

const drawing = (seed: number): Draw => {
  const next = seededRandom(seed)
  return (below) => next() % below
}
const features = 3

/** Values of all features that are delicate for a model, mixed: [rows · features]. */
function delicateRows({ layout }: CompiledBytes, draw: Draw, rows: number): Float32Array {
  const critical = layout.bins.map(criticalValues)
  return Float32Array.from({ length: rows * features }, (_, i) => {
    const own = critical[i % features] as Float32Array
    return own[draw(own.length)] as number
  })
}

const bitsOf = (values: Float32Array): number[] => [...new Int32Array(values.buffer, values.byteOffset, values.length)]

describe('a compiled model', () => {
  it('gives a plain walk’s sums, whatever trees, modes of comparison and values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 300 }),
        async (seed, trees, leaves) => {
          const draw = drawing(seed)
          const onnx = forestModel(
            Array.from({ length: trees }, () => drawTree(draw, features, 1 + draw(leaves))),
            features,
          )
          const compiled = await compileModel(onnx)
          const compiledModel = startCompiledModel(planOf(compiled.layout), compiled.code, compiled.tables)
          const rows = 600
          const X = delicateRows(compiled, draw, rows)
          const expected = Float32Array.from(
            { length: rows },
            (_, row) => sumsOf(compiled.layout.forest, (feature) => X[row * features + feature] as number)[0] as number,
          )
          expect(bitsOf(compiledModel.score({ X }, rows))).toEqual(bitsOf(expected))
        },
      ),
      { numRuns: 25, seed: 1 },
    )
  })

  it('puts every delicate value of a feature into its bin', async () => {
    const draw = drawing(5)
    const { layout, code, tables } = await compileModel(
      forestModel(
        Array.from({ length: 60 }, () => drawTree(draw, features, 32)),
        features,
      ),
    )
    expect(checkBins(startCompiledModel(planOf(layout), code, tables), layout)).toEqual({
      compared: layout.bins.reduce((sum, bins) => sum + criticalValues(bins).length, 0),
      differing: 0,
    })
  })

  it('does not depend on how rows are shared out', async () => {
    const draw = drawing(6)
    const compiled = await compileModel(
      forestModel([drawTree(draw, features, 40), drawTree(draw, features, 9)], features),
    )
    const compiledModel = startCompiledModel(planOf(compiled.layout), compiled.code, compiled.tables)
    const X = delicateRows(compiled, draw, 1_500)
    const whole = compiledModel.score({ X }, 1_500)
    for (const size of [1, 7, 512, 513]) {
      for (let from = 0; from < 1_500; from += size) {
        const to = Math.min(1_500, from + size)
        const part = compiledModel.score({ X: X.slice(from * features, to * features) }, to - from)
        expect(bitsOf(part)).toEqual(bitsOf(whole.slice(from, to)))
      }
    }
  })

  it('is the same bytes for the same model', async () => {
    const model = (): Uint8Array => forestModel([drawTree(drawing(7), features, 70)], features)
    const [one, two] = [await compileModel(model()), await compileModel(model())]
    expect(two.code).toEqual(one.code)
    expect(two.tables).toEqual(one.tables)
  })

  it('averages as ONNX Runtime does', async () => {
    const draw = drawing(8)
    const onnx = forestModel(
      Array.from({ length: 7 }, () => drawTree(draw, features, 12)),
      features,
      [averaged],
    )
    const { layout, code, tables } = await compileModel(onnx)
    const plan = planOf(layout)
    const compare = await compareWithOnnxRuntime(onnx, layout.forest, plan, startCompiledModel(plan, code, tables))
    for (const batch of fuzzRows(layout.forest, layout.bins, 8_192, 4_096, 1)) await compare.rows(batch, 4_096)
    expect(compare.compared).toBe(8_192)
    await compare.release()
  })

  it('scores trees of one leaf, and models that ask for nothing', async () => {
    const { layout, code, tables } = await compileModel(forestModel([{ weight: 0.25 }, { weight: 1.5 }], features))
    expect([...startCompiledModel(planOf(layout), code, tables).score({ X: new Float32Array(6) }, 2)]).toEqual([
      1.75, 1.75,
    ])
  })

  it('has the powers of two of the C library', () => {
    // From the table of Arm's Optimized Routines, math/exp2f_data.c.
    expect([...powersOfTwo()].slice(0, 4)).toEqual([
      0x3ff0000000000000n,
      0x3fefd9b0d3158574n,
      0x3fefb5586cf9890fn,
      0x3fef9301d0125b51n,
    ])
    expect(powersOfTwo()[16]).toBe(0x3feea09e667f3bcdn)
  })
})

describe('the proof', () => {
  const wrong = async (spoil: (tables: Uint8Array, compiled: CompiledBytes) => void) => {
    const draw = drawing(9)
    const onnx = forestModel(
      Array.from({ length: 9 }, () => drawTree(draw, features, 31, false)),
      features,
    )
    const compiled = await compileModel(onnx)
    const tables = compiled.tables.slice()
    spoil(tables, compiled)
    const plan = planOf(compiled.layout)
    return { onnx, ...compiled, plan, tables, compiledModel: startCompiledModel(plan, compiled.code, tables) }
  }

  it('catches one wrong bit in any mask', async () => {
    for (const place of [0, 1]) {
      const { layout, tables } = await wrong((bytes, { layout: { passes } }) => {
        const at = passes[place]?.masks[1]?.at as number
        bytes[at + 33] = (bytes[at + 33] as number) ^ 4
      })
      expect(checkMasks(layout, tables).differing).toBeGreaterThan(0)
    }
  })

  it('catches a wrong threshold', async () => {
    const { layout, compiledModel } = await wrong((bytes, { layout: { cutsAt, bins } }) => {
      const cuts = new Float32Array(bytes.buffer, cutsAt[1], bins[1]?.cuts.length)
      cuts[3] = Math.fround((cuts[3] as number) * 1.0001)
    })
    expect(checkBins(compiledModel, layout).differing).toBeGreaterThan(0)
  })

  it('catches a wrong first guess', async () => {
    const { layout, compiledModel } = await wrong((bytes, { layout: { startsAt, bins } }) => {
      const starts = new Uint16Array(bytes.buffer, startsAt[0], bins[0]?.cells.starts.length)
      starts.set(starts.map((start) => start + 1))
    })
    expect(checkBins(compiledModel, layout).differing).toBeGreaterThan(0)
  })

  it('catches leaves that are off by their last bit', async () => {
    const { onnx, layout, plan, compiledModel } = await wrong((bytes, { layout: { passes } }) => {
      const at = passes[0]?.leavesAt as number
      for (let leaf = 0; leaf < 31; leaf++) bytes[at + leaf * 4] = (bytes[at + leaf * 4] as number) ^ 1
    })
    const compare = await compareWithOnnxRuntime(onnx, layout.forest, plan, compiledModel)
    const all = async () => {
      for (const batch of fuzzRows(layout.forest, layout.bins, 40_000, 4_096, 1)) await compare.rows(batch, 4_096)
    }
    await expect(all()).rejects.toMatchObject({
      name: 'NotCompilable',
      message: expect.stringContaining("ONNX Runtime's"),
    })
    await compare.release()
  })
})

describe('what cannot be compiled', () => {
  it('is refused by name: a tree too wide, no model at all', async () => {
    const wide = forestModel([drawTree(drawing(1), features, 1_025)], features)
    await expect(compileModel(wide)).rejects.toMatchObject({ message: 'a tree has 1025 leaves; masks hold 1024' })
    await expect(compileModel(new TextEncoder().encode('no model'))).rejects.toMatchObject({
      name: 'NotCompilable',
      message: expect.stringContaining('this is no ONNX model'),
    })
  })

  it('counts bins as they are defined', () => {
    const bins = { cuts: Float32Array.of(-1, 0, 2) }
    expect([-2, -1, -0.5, -0, 0, 1, 2, 3, Number.NaN].map((value) => binOf(bins, value))).toEqual([
      0, 0, 1, 1, 1, 2, 2, 3, 4,
    ])
  })
})
