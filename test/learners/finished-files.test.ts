import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { onnx } from '../../lib/definition/index.ts'
import { fromHalf, halfOf } from '../../lib/formats/half.ts'
import { readModelFile } from '../../lib/jobs/model-files.ts'
import {
  constant,
  constantAt,
  loanModel,
  onnxFile,
  op,
  readBack,
  tensorValue,
  types,
} from '../support/finished-models.ts'
import { refusal, served } from '../support/serve-finished.ts'

describe('a file', () => {
  const graph = {
    inputs: [tensorValue('x', types.float, ['N', 1])],
    nodes: [op('Mul', ['x', 'w'], ['y'])],
    outputs: [tensorValue('y', types.float, ['N', 1])],
  }
  const folderWith = (files: Readonly<Record<string, Uint8Array | string>>): string => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-onnx-'))
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    return folder
  }
  const external = (place: Readonly<Record<string, string | number>>) =>
    onnxFile({ ...graph, constants: [constantAt('w', [1], place)] })
  const bytes = new Uint8Array(Float32Array.of(7, 3).buffer)
  const read = (folder: string) => readModelFile(folder, onnx('m.onnx'))

  it('with external data is the same file as one that holds it', async () => {
    const folder = folderWith({ 'm.onnx': external({ location: 'w.bin', offset: 4, length: 4 }), 'w.bin': bytes })
    const model = await read(folder)
    expect((await served(model, { x: Float64Array.of(1, 2) })).answers).toEqual([3, 6])
    const [w] = readBack(model).graph.constants
    expect(w).toMatchObject({ name: 'w', dims: [1], type: types.float })
    expect(w.location).toBe(undefined)
    // What lies elsewhere in another place is the same model.
    const moved = folderWith({ 'm.onnx': external({ location: 'v.bin', offset: 0 }), 'v.bin': bytes.slice(4) })
    expect(Buffer.compare(await read(moved), model)).toBe(0)
  })

  it.each([
    ['missing', { location: 'w.bin' }, 'its external data "w.bin" is not there'],
    ['outside its folder', { location: '../w.bin' }, 'its external data is at "../w.bin", outside the folder it is in'],
    ['at an absolute path', { location: '/etc/hostname' }, 'its external data is at "/etc/hostname", outside'],
    ['behind a link that leads out', { location: 'link.bin' }, 'its external data is at "link.bin", outside'],
    [
      'too short',
      { location: 'short.bin', offset: 0, length: 4 },
      'its external data "short.bin" has 2 bytes, and a constant is at 0 to 4',
    ],
  ])('with external data that is %s is refused', async (_, place, said) => {
    const folder = folderWith({ 'm.onnx': external(place), 'short.bin': bytes.slice(0, 2) })
    symlinkSync('/etc/hostname', join(folder, 'link.bin'))
    expect(await refusal(read(folder))).toContain(`MODEL_INVALID m.onnx: ${said}`)
  })

  const good = onnxFile({ ...graph, constants: [constant('w', [1], Float32Array.of(2))] })
  it.each([
    ['nothing', '', 'it is empty (0 bytes)'],
    ['text', 'not a model at all, but a sentence', 'this is no ONNX model'],
    ['half of one', good.slice(0, good.length / 2), 'this is no ONNX model'],
    [
      'an operator nobody knows',
      onnxFile({ ...graph, nodes: [op('Frobnicate', ['x'], ['y'])] }),
      'ONNX Runtime does not know its operator Frobnicate',
    ],
    [
      'an operator of somebody',
      onnxFile({ ...graph, nodes: [op('Fold', ['x'], ['y'], {}, 'com.acme')] }, { opsets: { '': 17, 'com.acme': 1 } }),
      'ONNX Runtime does not know its operator Fold of com.acme',
    ],
    [
      'operators of the future',
      onnxFile({ ...graph, constants: [constant('w', [1], Float32Array.of(2))] }, { opsets: { '': 99 } }),
      'it needs version 99 of the operators of ai.onnx, and ONNX Runtime here knows them up to',
    ],
    [
      'operators of long ago',
      onnxFile({ ...graph, nodes: [op('Abs', ['x'], ['y'])] }, { opsets: { '': 6 } }),
      'it is of version 6 of the operators of ai.onnx',
    ],
    [
      'a format of the future',
      onnxFile({ ...graph, constants: [constant('w', [1], Float32Array.of(2))] }, { ir: 99 }),
      'its format is ONNX IR 99',
    ],
    ['a value that nothing makes', onnxFile({ ...graph, constants: [] }), 'ONNX Runtime cannot load it: '],
  ])('of %s is refused by name', async (_, content, said) => {
    const refused = await refusal(read(folderWith({ 'm.onnx': content })))
    expect(refused).toContain(`MODEL_INVALID m.onnx: ${said}`)
    expect(refused).not.toContain('onnxruntime_src')
  })

  it('that is not there is refused by name', async () => {
    expect(await refusal(read(folderWith({})))).toContain('MODEL_INVALID m.onnx: there is no such file')
  })

  it('whose bytes were changed anywhere is served or refused, and never more than that', async () => {
    const whole = loanModel()
    const rows = { income: Float64Array.of(1), years: Float64Array.of(30), purpose: ['car'] }
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = whole.slice()
        changed[at] = (changed[at] as number) ^ change
        const folder = folderWith({ 'm.onnx': changed })
        expect(await refusal(read(folder).then((model) => served(model, rows, {}, 'binary')))).toMatch(
          /^(served|MODEL_INVALID m\.onnx: )/,
        )
      }),
      { numRuns: 150 },
    )
  })
})

describe('float16', () => {
  it('is the nearest there is, as ONNX Runtime has it', async () => {
    const model = onnxFile({
      inputs: [tensorValue('x', types.float, ['N'])],
      nodes: [op('Cast', ['x'], ['y'], { to: types.float16 })],
      outputs: [tensorValue('y', types.float16, ['N'])],
    })
    const session = await InferenceSession.create(model)
    await fc.assert(
      fc.asyncProperty(fc.float32Array({ minLength: 1, noNaN: true }), async (values) => {
        const { data } = (await session.run({ x: new Tensor('float32', values, [values.length]) })).y as Tensor
        const { buffer, byteOffset } = data as Uint16Array
        expect(Array.from(values, halfOf)).toEqual([...new Uint16Array(buffer, byteOffset, values.length)])
      }),
    )
  })

  it('is read as it was written, all of them', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = fromHalf(bits)
      if (!Number.isNaN(value)) expect(halfOf(value)).toBe(bits)
    }
  })
})
