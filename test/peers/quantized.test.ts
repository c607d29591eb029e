import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { quantized } from '../../lib/learners/optimise/quantize.ts'
import { constant, onnxFile, op, tensorValue, types } from '../support/finished-models.ts'
import { pythonEnvironment } from '../support/python.ts'
import { noise } from '../support/tensor-models.ts'

/*
 * Weights as int8, against ONNX Runtime's quantize_dynamic in Python: as small, and no further from what the model says
 * in float32; beside a row that is much larger, far nearer.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-quantized-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const [inputs, hidden, count] = [64, 256, 400] as const

const model = onnxFile({
  inputs: [tensorValue('x', types.float, ['N', inputs])],
  nodes: [
    op('MatMul', ['x', 'w1'], ['h1']),
    op('Relu', ['h1'], ['a1']),
    op('MatMul', ['a1', 'w2'], ['h2']),
    op('Tanh', ['h2'], ['a2']),
    op('MatMul', ['a2', 'w3'], ['y']),
  ],
  constants: [
    constant('w1', [inputs, hidden], noise(inputs * hidden, 1, 0.2)),
    constant('w2', [hidden, hidden], noise(hidden * hidden, 2, 0.1)),
    constant('w3', [hidden, 8], noise(hidden * 8, 3, 0.2)),
  ],
  outputs: [tensorValue('y', types.float, ['N', 8])],
})

async function answers(bytes: Uint8Array, x: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const { y } = await session.run({ x: new Tensor('float32', x, [x.length / inputs, inputs]) })
  await session.release()
  return (y as Tensor).data as Float32Array
}

it('is as small as by quantize_dynamic, and as near to float32; beside a large row it is nearer', async () => {
  const python = join(
    await pythonEnvironment(join(packageRoot, 'test/reference/tree-models-requirements.txt')),
    'python',
  )
  const [given, made] = [join(folder, 'model.onnx'), join(folder, 'int8.onnx')]
  writeFileSync(given, model)
  execFileSync(python, [join(packageRoot, 'test/reference/quantize_dynamic.py'), given, made], { stdio: 'ignore' })
  const [ours, theirs] = [quantized(model).model, readFileSync(made)]
  const x = noise(count * inputs, 9)
  /** Root mean square of differences from float32, by that of the answers, of all rows but the first. */
  const errors = async (): Promise<[number, number]> => {
    const exact = (await answers(model, x)).subarray(8)
    const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0))
    const errorOf = async (bytes: Uint8Array): Promise<number> => {
      const own = (await answers(bytes, x)).subarray(8)
      return Math.sqrt(exact.reduce((sum, value, i) => sum + (value - (own[i] as number)) ** 2, 0)) / size
    }
    return [await errorOf(ours), await errorOf(theirs)]
  }
  const [own, other] = await errors()
  x.set(
    x.subarray(0, inputs).map((value) => value * 100),
    0,
  )
  const [ownBeside, otherBeside] = await errors()
  process.stdout.write(
    `int8: ${ours.length} bytes, quantize_dynamic ${theirs.length}, of ${model.length}; off by ${own.toPrecision(3)} and ${other.toPrecision(3)}, beside a large row ${ownBeside.toPrecision(3)} and ${otherBeside.toPrecision(3)}\n`,
  )
  expect(ours.length / theirs.length).toBeLessThan(1.05)
  expect(own).toBeLessThan(other * 1.1)
  expect(own).toBeLessThan(0.02)
  expect(ownBeside).toBe(own)
  expect(otherBeside).toBeGreaterThan(10 * ownBeside)
})
