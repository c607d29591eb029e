import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { LocalTable } from '../../lib/data/table.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import type { Numbers } from '../../lib/formats/columns.ts'
import { textColumn } from '../../lib/formats/texts.ts'
import { parityMeter } from '../../lib/jobs/parity.ts'
import { proveTrees } from '../../lib/jobs/prove-trees.ts'
import { toOnnx } from '../../lib/learners/trees/graph.ts'
import { compareMadeUp } from '../../lib/models/compare-made-up.ts'
import { compileTrees } from '../../lib/models/compile-trees.ts'
import { CompiledModelReport, type LocalCompiledModel } from '../../lib/models/compiled-model.ts'
import { type LocalModel, loadModel, modelFiles } from '../../lib/models/model.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { makeLocalModel } from '../support/local-model.ts'
import { proveCompiledModel } from '../support/prove.ts'

const rows = {
  x: Float64Array.of(0.1, 0.9, 0.5, 0.5),
  y: Float64Array.of(3, Number.NaN, 14, 0),
  town: ['Ulm', 'Åre', 'Paris', null],
}
const bitsOf = (values: Numbers): number[] => [...new Int32Array(values.buffer, values.byteOffset, values.length)]
const compiledModelOf = (folder: string): LocalCompiledModel => ({
  reportFile: join(folder, modelFiles.compiledModel),
  codeFile: join(folder, modelFiles.compiledCode),
  tablesFile: join(folder, modelFiles.compiledTables),
})

describe.each([
  ['binary', 'ordered'],
  ['regression', 'ordered'],
  ['binary', 'sets'],
  ['regression', 'sets'],
] as const)('a package with a compiled model (%s, categories %s)', (task, categories) => {
  let model: LocalModel
  let table: LocalTable
  let folder: string
  let report: CompiledModelReport
  beforeAll(async () => {
    ;({ model, table, folder } = await makeLocalModel(task, categories))
    report = await proveCompiledModel({ model, table, folder })
  })
  const reportWith = (change: object): LocalCompiledModel => {
    const reportFile = join(folder, 'changed.json')
    writeFileSync(reportFile, JSON.stringify({ ...report, ...change }))
    return { ...compiledModelOf(folder), reportFile }
  }
  const engineWith = async (compiledModel: LocalCompiledModel | undefined) => {
    const loaded = await loadModel({ ...model, compiledModel })
    await loaded.release()
    return loaded.engine
  }

  it('is proven on its table and on made-up rows, and says on how many', () => {
    expect(CompiledModelReport.parse(JSON.parse(readFileSync(compiledModelOf(folder).reportFile, 'utf8')))).toEqual(
      report,
    )
    expect(report).toMatchObject({
      status: 'proven',
      model: digestOf(readFileSync(model.onnxFile)),
      // Without base values to name, a last tree adds the base.
      shape: { trees: categories === 'sets' ? 21 : 20, leaves: 15, features: 3 },
      proof: { tableRows: 3_000, fuzzRows: 303_104, onnxruntime: expect.stringMatching(/^1\./) },
    })
  })

  it('is scored by it, with the bits ONNX Runtime gives, text and missing values included', async () => {
    const [plain, compiled] = [
      await loadModel(model),
      await loadModel({ ...model, compiledModel: compiledModelOf(folder) }),
    ]
    expect(compiled.engine).toEqual({ name: 'compiled' })
    expect(plain.engine).toEqual({ name: 'onnxruntime', reason: 'packaged before models were compiled' })
    expect(bitsOf(await compiled.score(rows))).toEqual(bitsOf(await plain.score(rows)))
    await plain.release()
  })

  it('scores text that knows its numbers as it is, also where it was changed since', async () => {
    const compiled = await loadModel({ ...model, compiledModel: compiledModelOf(folder) })
    const town = textColumn({ values: ['Paris', 'Ulm', 'Åre', null], numbers: Int32Array.of(1, 2, 0, 3) })
    expect(town).toEqual(rows.town)
    expect(bitsOf(await compiled.score({ ...rows, town }))).toEqual(bitsOf(await compiled.score(rows)))
    town[0] = 'Paris'
    town[3] = 'Ulm'
    expect(bitsOf(await compiled.score({ ...rows, town }))).toEqual(
      bitsOf(await compiled.score({ ...rows, town: [...town] })),
    )
  })

  it('falls back to ONNX Runtime, and says why, when code or tables were changed', async () => {
    for (const [name, file] of [
      ['codeFile', compiledModelOf(folder).codeFile],
      ['tablesFile', compiledModelOf(folder).tablesFile],
    ] as const) {
      const bytes = Uint8Array.from(readFileSync(file as string))
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
      const changed = join(folder, 'changed')
      writeFileSync(changed, bytes)
      expect(await engineWith({ ...compiledModelOf(folder), [name]: changed })).toEqual({
        name: 'onnxruntime',
        reason: 'the compiled model was changed',
      })
    }
  })

  it('falls back when the compiled model is another model’s', async () => {
    const other = join(folder, 'other.onnx')
    const leaf = {
      feature: Int32Array.of(-1),
      threshold: Float32Array.of(0),
      members: new Map(),
      left: Int32Array.of(0),
      right: Int32Array.of(0),
      missingLeft: Uint8Array.of(0),
      value: Float32Array.of(1),
    }
    writeFileSync(
      other,
      toOnnx('other', { task, bases: [0], trees: [leaf], features: 3 }, [
        { name: 'x', kind: 'number' },
        { name: 'y', kind: 'number' },
        { name: 'town', kind: 'category', categories: ['Ulm'] },
      ]),
    )
    const loaded = await loadModel({ ...model, onnxFile: other, compiledModel: compiledModelOf(folder) })
    expect(loaded.engine).toEqual({ name: 'onnxruntime', reason: 'the compiled model is of another model' })
    await loaded.release()
  })

  it('knows empty text from missing text, also where ONNX Runtime scores', async () => {
    const onnxFile = join(folder, 'empty-text.onnx')
    // "" is 0 and goes left; "Ulm" is 1, and what is missing goes right as well.
    const isEmpty = {
      feature: Int32Array.of(2, -1, -1),
      threshold: Float32Array.of(0.5, 0, 0),
      members: new Map(),
      left: Int32Array.of(1, 0, 0),
      right: Int32Array.of(2, 0, 0),
      missingLeft: Uint8Array.of(0, 0, 0),
      value: Float32Array.of(0, -2, 2),
    }
    writeFileSync(
      onnxFile,
      toOnnx('empty text', { task, bases: [0], trees: [isEmpty], features: 3 }, [
        { name: 'x', kind: 'number' },
        { name: 'y', kind: 'number' },
        { name: 'town', kind: 'category', categories: ['', 'Ulm'] },
      ]),
    )
    const loaded = await loadModel({ ...model, onnxFile, compiledModel: undefined })
    const town = ['', 'Ulm', null, 'Ulm\u0000']
    const [empty, known, missing, unknown] = await loaded.score({ ...rows, town })
    expect(empty).toBeLessThan(known as number)
    expect([missing, unknown]).toEqual([known, known])
    await loaded.release()
  })

  it('falls back where the runtime cannot run it', async () => {
    const code = join(folder, 'broken.wasm')
    writeFileSync(code, 'no module')
    const compiledModel = { ...reportWith({ code: digestOf('no module') }), codeFile: code }
    expect(await engineWith(compiledModel)).toEqual({
      name: 'onnxruntime',
      reason: expect.stringMatching(/^the compiled model cannot be started: WebAssembly/),
    })
  })

  it('falls back when its golden rows come out otherwise', async () => {
    if (report.status !== 'proven') throw new Error('it was refused')
    const answers = Buffer.from(report.golden.answers, 'base64')
    answers[0] = (answers[0] as number) ^ 1
    const compiledModel = reportWith({ golden: { ...report.golden, answers: answers.toString('base64') } })
    expect(await engineWith(compiledModel)).toEqual({
      name: 'onnxruntime',
      reason: 'the compiled model does not repeat its golden rows here',
    })
  })

  it('falls back when the proof is not one this version reads, or the compiled model was refused', async () => {
    expect(await engineWith(reportWith({ slipway: 'kernel/9' }))).toMatchObject({ name: 'onnxruntime' })
    const refusal = join(folder, 'refused.json')
    writeFileSync(refusal, JSON.stringify({ slipway: 'kernel/1', status: 'refused', reason: 'a reason' }))
    const compiledModel = { reportFile: refusal, codeFile: undefined, tablesFile: undefined }
    expect(await engineWith(compiledModel)).toEqual({ name: 'onnxruntime', reason: 'a reason' })
  })
})

it('is proven alike in one part and in several, to the byte', async () => {
  const { model, table, folder } = await makeLocalModel('binary')
  const [whole, shared] = [
    await proveCompiledModel({ model, table, folder }),
    await proveCompiledModel({ model, table, folder }, 3),
  ]
  expect(whole.status).toBe('proven')
  expect(canonicalJson(shared)).toBe(canonicalJson(whole))
})

it('is refused for its first difference, in however many parts it is looked for', async () => {
  const { model, folder } = await makeLocalModel('regression')
  const compiled = await compileTrees({ onnxFile: model.onnxFile, folder })
  if (compiled.status === 'refused') throw new Error(compiled.reason)
  // Leaves' values come last: one of them is changed, which some rows meet and others do not.
  const tables = Uint8Array.from(readFileSync(compiled.tablesFile))
  const values = new Float32Array(tables.buffer, 0, tables.length >> 2)
  const at = values.findLastIndex((value) => value !== 0)
  values[at] = (values[at] as number) * 2
  writeFileSync(compiled.tablesFile, tables)
  const reasonIn = async (parts: number) =>
    proveTrees({ onnxFile: model.onnxFile, folder }, parts, {
      compileTrees: async () => compiled,
      compareMadeUp: (order) => compareMadeUp(order, () => {}),
    })
  const whole = await reasonIn(1)
  expect(whole).toMatchObject({ status: 'refused', reason: expect.stringMatching(/^the (answer|sum) of row \d+ is/) })
  expect(await reasonIn(2)).toEqual(whole)
})

it('and parity with the trainer is measured on the rows that are compared, a number that is none included', async () => {
  const { model, folder } = await makeLocalModel('binary')
  const predictions = join(folder, 'parity.f32')
  writeFileSync(predictions, Float32Array.of(0.5, 0.25, 0.125))
  const measure = async (...scores: number[]) => {
    const meter = await parityMeter({ predictions, limit: 0.01 }, model.facts)
    meter.take(Float32Array.from(scores.slice(0, 2)), 0)
    meter.take(Float32Array.from(scores.slice(2)), 2)
    return meter.result()
  }
  expect(await measure(0.5, 0.2578125, 0.125, 0.9)).toEqual({ rows: 3, largest: 0.0078125 })
  await expect(measure(0.5, 0.5, 0.125)).rejects.toMatchObject({ code: 'PARITY' })
  await expect(measure(Number.NaN, 0.25, 0.125)).rejects.toMatchObject({ code: 'PARITY' })
})
