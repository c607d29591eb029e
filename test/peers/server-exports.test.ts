import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { inferenceService } from '../../cli/exports/kserve.ts'
import { tritonConfig } from '../../cli/exports/triton.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { factsOf } from '../../lib/jobs/steps/package-tensors.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { imageEncoder, textEncoder } from '../support/tensor-models.ts'

/*
 * What we write for Triton, read by its own messages, and for KServe, by the schema of its resource definition, which
 * lies in its Go module. Neither runs here.
 */
const run = promisify(execFile)
const reference = join(packageRoot, 'test/reference')
const folder = mkdtempSync(join(tmpdir(), 'slipway-exports-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const version = { model: 'texts', version: 3, digest: `sha256:${'a'.repeat(64)}` }

it("a config.pbtxt is a message of Triton's, and what is none is found", async (context) => {
  const environment = await pythonEnvironmentOr(join(reference, 'grpc-requirements.txt'))
  if ('missing' in environment) return context.skip(environment.missing)
  const read = async (text: string): Promise<string> => {
    const file = join(folder, 'config.pbtxt')
    writeFileSync(file, text)
    const code = `import sys
from google.protobuf import text_format, json_format
from tritonclient.grpc import model_config_pb2
config = text_format.Parse(open(sys.argv[1]).read(), model_config_pb2.ModelConfig())
print(json_format.MessageToJson(config, preserving_proto_field_name=True, indent=None))`
    return (await run(join(environment.bin, 'python'), ['-c', code, file])).stdout
  }
  for (const onnx of [textEncoder(20), imageEncoder()]) {
    const step = {
      id: 't',
      kind: 'tensors',
      name: 'texts',
      file: 'a.onnx',
      model: version.digest,
      signature: 1,
    } as const
    const local = { onnxFile: '', baselineFile: '', facts: factsOf(step, onnx) }
    const config = tritonConfig(version, local, onnx)
    const told = JSON.parse(await read(config))
    expect(told).toMatchObject({
      name: 'texts',
      backend: 'onnxruntime',
      version_policy: { specific: { versions: ['3'] } },
    })
    expect(told.input.map(({ name }: { name: string }) => name)).toEqual(local.facts.inputs.map(({ name }) => name))
    await expect(read(config.replace('dims', 'dimensions'))).rejects.toThrow(/no field named/)
  }
})

it('an InferenceService is as its definition says, and what is not is found', async (context) => {
  const environment = await pythonEnvironmentOr(join(reference, 'crd-requirements.txt'))
  if ('missing' in environment) return context.skip(environment.missing)
  let definition: string
  try {
    const module = 'github.com/kserve/kserve@v0.15.2'
    const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: folder })
    const { Dir } = JSON.parse(stdout) as { Dir: string }
    definition = join(Dir, 'config/crd/full/serving.kserve.io_inferenceservices.yaml')
  } catch (error) {
    return context.skip(
      `the module that holds the definition cannot be had: ${(error as Error).message.split('\n')[0]}`,
    )
  }
  const checked = async (resource: object): Promise<string> => {
    const file = join(folder, 'service.yaml')
    writeFileSync(file, stringify(resource))
    const script = join(reference, 'crd_shapes.py')
    const { stdout } = await run(join(environment.bin, 'python'), [script, file, definition]).catch(
      (error: { stdout: string }) => error,
    )
    return stdout
  }
  const candidate = { ...version, version: 4 }
  const rollout = { id: 'r', candidate, mode: 'split', share: 0.25, salt: 'r', sticky: null, slowMs: 250 } as const
  const options = { image: 'images.example/texts:3', storage: 's3://models/texts', namespace: 'ml' }
  const service = inferenceService('texts', { champion: version, rollout }, options)
  expect(await checked(service)).toBe('ok InferenceService/texts\n')
  expect(await checked(inferenceService('texts', { champion: version, rollout: null }, options))).toMatch(/^ok/)
  const wrong = JSON.parse(JSON.stringify(service).replace('canaryTrafficPercent', 'canaryPercent'))
  expect(await checked(wrong)).toMatch(/^FAIL InferenceService\/texts: .*canaryPercent/)
}, 900_000)
