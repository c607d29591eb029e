import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { windowsSince } from '../../lib/jobs/windows.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually, untilSent } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { imageEncoder, noise, textEncoder, textTagger } from '../support/tensor-models.ts'

/*
 * Models of tensors alone go the way of all models, without rows or features: registered, served, rolled out, compared
 * in the shadow, and watched on their outputs.
 */
let place: Place
const imageSize = 3 * 8 * 8

beforeAll(async () => {
  place = await openPlace()
})
afterAll(() => place?.close())

const write = (name: string, content: Uint8Array | string): void =>
  writeFileSync(join(place.project.root, name), content)

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)

const infer = (endpoint: string, request: object, headers: Record<string, string> = {}) =>
  fetch(`${place.gateway}/v2/models/${endpoint}/infer`, { method: 'POST', headers, body: JSON.stringify(request) })

const isServed = (endpoint: string) =>
  eventually(
    async () => (await fetch(`${place.gateway}/v2/models/${endpoint}/ready`).catch(() => undefined))?.ok === true,
  )

/** An image as a request, bright by a factor. */
const imageOf = (seed: number, scale = 1) => ({
  inputs: [
    { name: 'image', datatype: 'FP32', shape: [1, 3, 8, 8], data: Array.from(noise(imageSize, seed, scale), (x) => x) },
  ],
})

/** Asks an endpoint about images over and over while something else goes on. */
async function asking<T>(endpoint: string, meanwhile: Promise<T>): Promise<T> {
  let isOver = false
  const client = async (from: number) => {
    for (let i = from; !isOver; i += 2) await infer(endpoint, imageOf(i % 500)).catch(() => {})
  }
  const clients = [client(0), client(1)]
  const result = await meanwhile.finally(() => {
    isOver = true
  })
  await Promise.all(clients)
  return result
}

/** What came of a rollout of a file, while somebody asks. */
async function rolledOut(model: Uint8Array, ...args: string[]) {
  write('next.onnx', model)
  const { code, stdout, stderr } = await asking(
    'images',
    place.run(
      'register',
      'next.onnx',
      '--name',
      'encoder',
      '--samples',
      'samples.json',
      '--endpoint',
      'images',
      ...args,
      '--wait',
      '--json',
    ),
  )
  expect(stdout, stderr).not.toBe('')
  return { code, record: JSON.parse(stdout) }
}

describe('a model of images', () => {
  const model = imageEncoder()

  it('is registered with the profile of its answers to samples, and served', async () => {
    write('encoder.onnx', model)
    const samples = Array.from({ length: 500 }, (_, seed) => imageOf(seed))
    write('samples.json', JSON.stringify(samples))
    const record = JSON.parse(
      await slipway(
        'register',
        'encoder.onnx',
        '--samples',
        'samples.json',
        '--endpoint',
        'images',
        '--check-every',
        '7d',
        '--min-rows',
        '100',
        '--wait',
        '--json',
      ),
    )
    expect(record).toMatchObject({ status: 'succeeded', model: { name: 'encoder', version: 1, champion: true } })
    const card = await slipway('show', 'encoder')
    expect(card).toContain('| image | in | FP32 | [batch, 3, 8, 8] |')
    expect(card).toMatch(/\| norm of embedding \| \S+ ± \S+ \|/)
    expect(card).toContain('answers to 500 sample inputs')
    await isServed('images')
  })

  it('answers what ONNX Runtime answers, in JSON and as binary data, one image or several', async () => {
    const images = noise(2 * imageSize, 3)
    const session = await InferenceSession.create(model, { intraOpNumThreads: 1 })
    const { embedding, kind } = await session.run({ image: new Tensor('float32', images, [2, 3, 8, 8]) })
    await session.release()
    const expected = Array.from((embedding as Tensor).data as Float32Array)
    const inJson = await infer('images', {
      id: 'mine',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [2, 3, 8, 8], data: Array.from(images) }],
    })
    expect(await inJson.json()).toEqual({
      model_name: 'encoder',
      model_version: '1',
      id: 'mine',
      outputs: [
        { name: 'embedding', datatype: 'FP32', shape: [2, 4], data: expected },
        {
          name: 'kind',
          datatype: 'INT64',
          shape: [2],
          data: Array.from((kind as Tensor).data as BigInt64Array, Number),
        },
      ],
    })
    const head = Buffer.from(
      JSON.stringify({
        inputs: [
          { name: 'image', datatype: 'FP32', shape: [2, 3, 8, 8], parameters: { binary_data_size: images.byteLength } },
        ],
        outputs: [{ name: 'embedding', parameters: { binary_data: true } }],
      }),
    )
    const binary = await fetch(`${place.gateway}/v2/models/images/infer`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(head.length) },
      body: Buffer.concat([head, Buffer.from(images.buffer)]),
    })
    const body = Buffer.from(await binary.arrayBuffer())
    const cut = Number(binary.headers.get('inference-header-content-length'))
    expect(JSON.parse(body.subarray(0, cut).toString()).outputs).toEqual([
      { name: 'embedding', datatype: 'FP32', shape: [2, 4], parameters: { binary_data_size: 32 } },
    ])
    expect(Array.from(new Float32Array(Uint8Array.from(body.subarray(cut)).buffer))).toEqual(expected)
  })

  it('is described by its tensors', async () => {
    expect(await (await fetch(`${place.gateway}/v2/models/images`)).json()).toMatchObject({
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 3, 8, 8] }],
      outputs: [
        { name: 'embedding', datatype: 'FP32', shape: [-1, 4] },
        { name: 'kind', datatype: 'INT64', shape: [-1] },
      ],
    })
    const { paths } = (await (await fetch(`${place.gateway}/openapi.json`)).json()) as { paths: Record<string, object> }
    expect(JSON.stringify(paths['/v2/models/images/infer'])).toContain('\\"image\\" FP32 [batch, 3, 8, 8] in')
    expect(Object.keys(paths)).not.toContain('/v1/models/images:predict')
  })

  it.each([
    ['another datatype', { datatype: 'FP64' }, 'inputs[0]: input "image" is FP32, got datatype FP64'],
    ['another size', { shape: [1, 3, 8, 9] }, 'inputs[0]: input "image" has shape [batch, 3, 8, 8], got [1, 3, 8, 9]'],
    ['fewer axes', { shape: [192] }, 'inputs[0]: input "image" has shape [batch, 3, 8, 8], got 1 axes: [192]'],
    ['too few elements', { data: [1] }, 'inputs[0]: input "image": the shape asks for 192 elements, data has 1'],
    ['text', { data: new Array(192).fill('x') }, 'inputs[0].data[0]: "x" is no FP32'],
    [
      'another name',
      { name: 'picture' },
      'inputs: no tensor for "image"; the model takes "image" FP32 [batch, 3, 8, 8]',
    ],
  ])('refuses %s by name, and says what it takes', async (_, change, said) => {
    const [tensor] = imageOf(1).inputs
    const answer = await infer('images', { inputs: [{ ...tensor, ...change }] })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: said })
  })

  it('tells who sends rows how it is asked', async () => {
    const rows = await fetch(`${place.gateway}/v1/models/images:predict`, {
      method: 'POST',
      body: JSON.stringify({ instances: [{ image: 1 }] }),
    })
    expect(rows.status).toBe(400)
    expect(JSON.stringify(await rows.json())).toContain('takes tensors')
  })

  it('is replaced by a version that does well in the shadow and in a canary', async () => {
    const { code, record } = await rolledOut(
      imageEncoder({ shift: 0.001 }),
      '--canary',
      '50',
      '--shadow',
      '--min-samples',
      '40',
      '--slow',
      '5000',
    )
    expect({ code, record }).toMatchObject({ code: 0, record: { model: { version: 2, champion: true } } })
    const { windows } = await windowsSince(place.store.store, 'images', {}, 5_000)
    const pairs = windows.flatMap((window) => window.pairs ?? [])
    const [n, different, cosines] = [
      pairs.reduce((sum, pair) => sum + pair.n, 0),
      pairs.reduce((sum, pair) => sum + pair.different, 0),
      pairs.flatMap(({ cosine }) => cosine ?? []),
    ]
    expect(n).toBeGreaterThanOrEqual(40)
    // Another training, so every answer differs, and hardly.
    expect(different).toBe(n)
    expect(Math.max(...pairs.map(({ largest }) => largest))).toBeLessThan(0.1)
    expect(cosines.reduce((sum, cosine) => sum + cosine.n, 0)).toBe(n)
    expect(Math.min(...cosines.map(({ least }) => least))).toBeGreaterThan(0.99)
  })

  it('keeps its place when the next version answers NaN, which it did not to its samples', async () => {
    const model = imageEncoder({ isForDim: true })
    write('next.onnx', model)
    const bright = await place.run('register', 'next.onnx', '--name', 'encoder', '--samples', 'samples.json')
    expect(expectUserError(bright, 2, 'MODEL_INVALID')).toContain('its output "embedding" holds NaN for a sample')
    write('samples.json', JSON.stringify(Array.from({ length: 50 }, (_, seed) => imageOf(seed, 0.01))))
    const { code, record } = await rolledOut(model, '--canary', '50', '--min-samples', '40', '--slow', '5000')
    expect({ code, record }).toMatchObject({ code: 14, record: { model: { version: 3, champion: false } } })
    expect((await readRoute(place.store.store, 'images'))?.champion.version).toBe(2)
  })

  it('refuses a version that its clients could not ask', async () => {
    write('text.onnx', textEncoder())
    const told = expectUserError(await place.run('register', 'text.onnx', '--name', 'encoder'), 2, 'SIGNATURE_BREAKING')
    expect(told).toContain('input "input_ids" is new')
  })

  it('raises an alarm when it answers otherwise than to its samples', async () => {
    const last = async () => (await place.run('drift', 'show', 'images', '--json')).stdout
    const check = async () => {
      await untilSent(place.store.store)
      const before = await last()
      await slipway('schedule', 'trigger', 'images', 'monitor')
      await eventually(async () => (await last()) !== before)
      return place.run('drift', 'check', 'images')
    }
    const usual = await check()
    expect(usual.code, usual.stdout).toBe(0)
    for (let i = 0; i < 400; i++) await infer('images', imageOf(i, 3))
    const alarm = await check()
    expect(alarm.code, alarm.stdout).toBe(17)
    expect(alarm.stdout).toMatch(/norm of embedding/)
  })
})

describe('models of text', () => {
  it('take tokens, and axes of one name must agree', async () => {
    await slipway('register', 'text.onnx', '--name', 'sentences', '--endpoint', 'sentences', '--wait')
    await isServed('sentences')
    const tokens = (name: string, shape: number[], data: number[]) => ({ name, datatype: 'INT64', shape, data })
    const answer = await infer('sentences', {
      inputs: [tokens('input_ids', [1, 3], [4, 5, 6]), tokens('attention_mask', [1, 3], [1, 1, 0])],
    })
    expect(await answer.json()).toMatchObject({ outputs: [{ name: 'sentence', datatype: 'FP32', shape: [1, 6] }] })
    const wrong = await infer('sentences', {
      inputs: [tokens('input_ids', [1, 3], [4, 5, 6]), tokens('attention_mask', [1, 2], [1, 1])],
    })
    expect(await wrong.json()).toEqual({
      error: 'inputs[1]: input "attention_mask" has shape [batch, sequence], got [1, 2]; sequence is 3 in "input_ids"',
    })
  })

  it('take texts, and answer texts', async () => {
    write('tags.onnx', textTagger(['red', 'blau', 'größer']))
    await slipway('register', 'tags.onnx', '--endpoint', 'tags', '--wait')
    await isServed('tags')
    const answer = await infer('tags', {
      inputs: [{ name: 'text', datatype: 'BYTES', shape: [3], data: ['größer', '?', 'red'] }],
    })
    expect(await answer.json()).toMatchObject({
      outputs: [
        { name: 'number', datatype: 'INT64', shape: [3], data: [2, -1, 0] },
        { name: 'again', datatype: 'BYTES', shape: [3], data: ['größer', '?', 'red'] },
      ],
    })
  })

  it('are asked by slipway predict, about tensors in the form of samples', async () => {
    write('words.json', JSON.stringify({ text: ['red', 'blau'] }))
    const { version, answers } = JSON.parse(await slipway('predict', 'tags', '--data', 'words.json', '--json'))
    expect(version).toBeUndefined()
    expect(answers).toMatchObject([{ version: 1, role: 'champion', outputs: [{ name: 'number', data: [0, 1] }, {}] }])
    expect(await slipway('predict', 'tags', '--data', 'words.json')).toMatch(/number +INT64 +\[2\] +0 1/)
  })

  it.each([
    ['a batch', ['batch', 'score', 'tags', '--from', 'samples.json', '--to', 'scored/']],
    ['traffic of rows', ['traffic', 'tags', '--from', 'samples.json', '--for', '1s']],
    ['a check of rows', ['drift', 'check', 'tags', '--from', 'samples.json']],
    ['a compiled model', ['show', 'tags', '--compiled']],
    ['a report', ['open', 'tags']],
  ])('have no rows for %s, and it says so', async (_, args) => {
    const told = expectUserError(await place.run(...args), 2, 'MODEL_OF_TENSORS')
    expect(told).toContain('model tags takes tensors and no rows')
  })
})

describe('a model of tensors in a pipeline', () => {
  it('is planned, run, and reused while its file is the same', async () => {
    write('encoder.onnx', imageEncoder())
    write('few.json', JSON.stringify([imageOf(1), imageOf(2)]))
    place.project.write(
      'pipelines/images/pipeline.ts',
      `import { pipeline, psi } from 'slipway'
export default pipeline('images', (p) => {
  const encoder = p.tensors('encoder.onnx', { samples: 'few.json' })
  const live = p.deploy(encoder, { endpoint: 'pictures', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2) })
})
`,
    )
    expect(await slipway('plan', 'images')).toMatch(/^tensors +run +has not run before$/m)
    const record = JSON.parse(await slipway('run', 'images', '--wait', '--json'))
    expect(record).toMatchObject({ status: 'succeeded', model: { name: 'images', version: 1, champion: true } })
    const again = JSON.parse(await slipway('run', 'images', '--wait', '--json'))
    expect(again.steps).toMatchObject([{ name: 'tensors', cached: true }, {}, { cached: true }, {}])
    expect(await slipway('lineage', 'images')).toContain('pictures')
    expect(await slipway('compare', record.runId, again.runId)).toContain('the same in everything')
    const drawn = await place.run('compare', record.runId, again.runId, '--html', 'page.html')
    expectUserError(drawn, 2, 'MODEL_OF_TENSORS')
  })

  it('is refused when it is planned, where its file is none', async () => {
    write('encoder.onnx', 'no model')
    for (const command of ['plan', 'run']) expectUserError(await place.run(command, 'images'), 2, 'MODEL_INVALID')
  })
})

describe('a model of tensors that cannot be served', () => {
  it.each([
    ['rows where there are none', ['--target', 'x'], 'USAGE', /--target is of models of rows/],
    ['a canary to nowhere', ['--canary', '50'], 'USAGE', /--canary says nothing without --endpoint/],
    [
      'checks without a baseline',
      ['--endpoint', 'e', '--check-every', '1d'],
      'USAGE',
      /nothing to compare answers with/,
    ],
    [
      'samples of another shape',
      ['--samples', 'wrong.json'],
      'USAGE',
      /wrong\.json: sample 1: .*has shape \[batch, 3, 8, 8\]/,
    ],
  ] as [string, string[], string, RegExp][])('is refused: %s', async (_, args, code, said) => {
    write('encoder.onnx', imageEncoder())
    write('wrong.json', JSON.stringify({ image: [[1, 2]] }))
    expect(expectUserError(await place.run('register', 'encoder.onnx', ...args), 2, code)).toMatch(said)
  })
})
