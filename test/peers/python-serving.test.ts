import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { writeFolder } from '../../lib/edge/folder.ts'
import { pythonFolder } from '../../lib/edge/python-folder.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { runPython } from '../support/python-client.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * An exported model served by others: what BentoML and Ray Serve answer is what the model answers here.
 */
let server: TestBucket
let project: TestProject
let folder: string
let expected: readonly number[]
const features = [
  { income: 30_000, age: 40, ratio: 750, purpose: 'car' },
  { income: 52_000.5, age: 71, ratio: 732.4, purpose: 'home' },
]

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  const version = await packageModel(project, server.store, 'loans', 1)
  const local = await localModel({ store: server.store, trusted: new Map() }, version.digest)
  folder = join(project.root, 'exported')
  await writeFolder(folder, await pythonFolder({ local, version }))
  const model = await loadModel(local)
  const column = <Name extends keyof (typeof features)[0]>(name: Name) => features.map((row) => row[name])
  const numbers = { income: column('income'), age: column('age'), ratio: column('ratio') }
  const made = Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, Float32Array.from(values)]))
  expected = [...(await model.scoreFeatures({ ...made, purpose: column('purpose') }))]
  await model.release()
})
afterAll(async () => {
  await server?.stop()
  project?.remove()
})

const frameworks = [
  ['bentoml', 'bentoml_service.py', () => expected, [{ error: expect.stringContaining('no columns') }]],
  [
    'ray',
    'ray_serve_app.py',
    () => ({ risk: expected, version: 1 }),
    expect.objectContaining({ code: 'REQUEST_INVALID' }),
  ],
] as const

describe.each(frameworks)('the example of %s', (framework, example, answer, refusal) => {
  it('answers the same bits, and 400 where features are missing, in at most 30 lines', async (context) => {
    const reference = join(packageRoot, 'test/reference')
    const environment = await pythonEnvironmentOr(join(reference, `${framework}-requirements.txt`))
    if ('missing' in environment) return context.skip(environment.missing)
    const examples = join(packageRoot, 'examples/python')
    expect(readFileSync(join(examples, example), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(30)
    const args = [framework, JSON.stringify(features), String(await getPort())]
    const env = {
      PYTHONPATH: examples,
      EXAMPLES: examples,
      MODEL_FOLDER: folder,
      HOME: project.root,
      RAY_USAGE_STATS_ENABLED: '0',
      BENTOML_DO_NOT_TRACK: 'True',
    }
    const printed = await runPython({ bin: environment.bin, file: join(reference, 'python_serving.py'), args, env })
    const { good, lacking } = JSON.parse(printed.trim().split('\n').at(-1) as string)
    expect(good).toEqual([200, answer()])
    expect(lacking).toEqual([400, refusal])
  })
})
