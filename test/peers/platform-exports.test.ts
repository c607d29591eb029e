import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { azureFiles } from '../../cli/exports/azureml.ts'
import { vertexFiles } from '../../cli/exports/vertex.ts'
import { packageRoot } from '../../lib/code/host.ts'
import type { Route } from '../../lib/formats/route.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { pythonEnvironmentOr } from '../support/python.ts'

const reference = join(packageRoot, 'test/reference')
const python = await pythonEnvironmentOr(join(reference, 'platforms-requirements.txt'))
const why = 'missing' in python ? ` (${python.missing})` : ''

const version = (number: number) => ({ model: 'flights', version: number, digest: digestOf(`version ${number}`) })
const route = (mode: 'split' | 'shadow'): Route => ({
  slipway: 'route/1',
  endpoint: 'delays',
  revision: 4,
  champion: version(3),
  previous: null,
  rollout: { id: 'r', candidate: version(4), mode, share: 0.25, salt: 's', sticky: null, slowMs: null },
})

describe.skipIf('missing' in python)(`files for other platforms, as their own packages read them${why}`, () => {
  const read = (mode: 'split' | 'shadow') => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-platforms-'))
    const options = { image: 'registry.example/flights' }
    for (const [name, value] of Object.entries(azureFiles(route(mode), options)))
      writeFileSync(join(folder, name), stringify(value))
    for (const [name, value] of Object.entries(vertexFiles(route('split'), options)))
      writeFileSync(join(folder, name), JSON.stringify(value))
    const { bin } = python as { bin: string }
    const args = [join(reference, 'read_platform_files.py'), folder]
    return JSON.parse(execFileSync(join(bin, 'python'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  it('azure-ai-ml reads endpoint and deployment, Vertex AI’s messages take every field', () => {
    expect(read('split')).toEqual({
      traffic: { v3: 75, v4: 25 },
      mirror_traffic: {},
      deployment: ['v4', 'delays', 'registry.example/flights:flights-4'],
      scoring: { path: '/score', port: 8080 },
      split: { '3': 75, '4': 25 },
      deployed: '4',
      predict: ['/predict', 8080],
    })
    expect(read('shadow')).toMatchObject({ traffic: { v3: 100, v4: 0 }, mirror_traffic: { v4: 25 } })
  })
})
