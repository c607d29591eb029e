import { describe, expect, it } from 'vitest'
import { inferenceService } from '../../cli/exports/kserve.ts'
import { tritonConfig } from '../../cli/exports/triton.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RouteRollout } from '../../lib/formats/route.ts'
import { factsOf } from '../../lib/jobs/steps/package-tensors.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { imageEncoder, textEncoder } from '../support/tensor-models.ts'

/*
 * What servers of others are given. Both are held to their own definitions by test/peers/server-exports.test.ts:
 * Triton's messages, KServe's resource definition.
 */
const version = { model: 'texts', version: 3, digest: `sha256:${'a'.repeat(64)}` }

/** A package of tensors, or one of rows whose facts differ where a test says so. */
const files = { onnxFile: '', baselineFile: '', codeFile: '' }
const tensors = (onnx: Uint8Array) => ({
  ...files,
  facts: factsOf(
    { id: 't', kind: 'tensors', name: 'texts', file: 'texts.onnx', model: version.digest, signature: 1 },
    onnx,
  ),
})
const rows = (facts: Partial<ModelFacts>) => ({
  ...files,
  facts: { task: 'binary', features: [{ name: 'hour', kind: 'number' }], ...facts } as ModelFacts,
})

describe("Triton's config.pbtxt", () => {
  it('has the tensors of the graph, the number of the version, and one thread', () => {
    const onnx = textEncoder(20)
    const config = tritonConfig(version, tensors(onnx), onnx)
    expect(config).toContain('name: "texts"\nbackend: "onnxruntime"\nmax_batch_size: 1024\n')
    expect(config).toContain('input [ { name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] } ]')
    expect(config).toContain('version_policy: { specific: { versions: [ 3 ] } }')
    expect(config).toContain('parameters { key: "intra_op_thread_count" value { string_value: "1" } }')
    // Of tensors the last bits of sums may depend on who is in the batch.
    expect(config).not.toContain('dynamic_batching')
    expect(tritonConfig(version, rows({}), imageEncoder())).toContain('dynamic_batching { }')
  })

  it('names what no graph does', () => {
    const local = rows({ decision: { name: 'approve' } as never })
    const config = tritonConfig(version, local, imageEncoder())
    expect(config).toContain("# Takes features, which the gateway's code makes of rows: hour.")
    expect(config).toContain('# Answers scores: what the function approve makes of them is left out.')
  })

  it('is refused to models whose gateway changes features before the graph', () => {
    const crossed = rows({ crosses: ['origin × hour'] })
    expect(() => tritonConfig(version, crossed, imageEncoder())).toThrow(/crosses \(origin × hour\)/)
    const offset = rows({ features: [{ name: 'day', kind: 'number', offset: 5 }] })
    expect(() => tritonConfig(version, offset, imageEncoder())).toThrow(/offsets off them/)
    expect(() => tritonConfig(version, rows({}), Buffer.from('no graph'))).toThrow(SlipwayError)
  })
})

describe("KServe's InferenceService", () => {
  const rollout: RouteRollout = {
    id: 'r',
    candidate: { ...version, version: 4 },
    mode: 'split',
    share: 0.25,
    salt: 'r',
    sticky: null,
    slowMs: 250,
  }
  const image = 'images.example/flights:3'

  it('is of the champion, all of whose requests it gets', () => {
    const { metadata, spec } = inferenceService('flights', { champion: version, rollout: null }, { image }) as never
    expect(metadata).toMatchObject({
      name: 'flights',
      annotations: { 'slipway/version': '3', 'slipway/digest': version.digest },
    })
    expect(spec).toEqual({
      predictor: {
        containers: [
          {
            name: 'kserve-container',
            image,
            args: ['serve'],
            ports: [{ containerPort: 8080, protocol: 'TCP' }],
            readinessProbe: { httpGet: { path: '/v2/health/ready', port: 8080 } },
          },
        ],
      },
    })
  })

  it("is of the candidate in a rollout, with the route's share, and fetches what is not in the image", () => {
    const service = inferenceService(
      'flights',
      { champion: version, rollout },
      { image, storage: 's3://models/flights' },
    )
    expect(service).toMatchObject({
      metadata: { annotations: { 'slipway/version': '4' } },
      spec: {
        predictor: {
          canaryTrafficPercent: 25,
          containers: [
            {
              env: [
                { name: 'STORAGE_URI', value: 's3://models/flights' },
                { name: 'SM_MODEL_DIR', value: '/mnt/models' },
              ],
            },
          ],
        },
      },
    })
  })

  it.each<[Partial<RouteRollout>, RegExp]>([
    [{ mode: 'shadow' }, /is a shadow, and KServe only splits traffic/],
    [{ sticky: 'x-user' }, /keeps users by x-user, and KServe draws for every request/],
    [{ share: 0.005 }, /is at 0.5 %, and KServe takes whole percents/],
  ])('is refused to rollouts that KServe cannot carry out: %o', (over, words) => {
    const route = { champion: version, rollout: { ...rollout, ...over } }
    expect(() => inferenceService('flights', route, { image })).toThrow(words)
  })
})
