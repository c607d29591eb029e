import { describe, expect, it } from 'vitest'
import { azureFiles } from '../../cli/exports/azureml.ts'
import { vertexFiles } from '../../cli/exports/vertex.ts'
import type { Route } from '../../lib/formats/route.ts'
import { digestOf } from '../../lib/store/digest.ts'

const version = (number: number) => ({ model: 'flights', version: number, digest: digestOf(`version ${number}`) })
const route = (rollout?: { mode: 'split' | 'shadow' | 'bake'; share: number }): Route => ({
  slipway: 'route/1',
  endpoint: 'delays',
  revision: 4,
  champion: version(3),
  previous: null,
  rollout:
    rollout === undefined
      ? null
      : { id: 'r', candidate: version(4), salt: 's', sticky: null, slowMs: null, ...rollout },
})
const options = { image: 'registry.example/flights' }

describe('a route as files of Vertex AI', () => {
  it('splits by whole percents that add up to 100, under the numbers of the versions', () => {
    const files = vertexFiles(route({ mode: 'split', share: 0.07 }), options)
    expect(files['endpoint.json']).toEqual({ displayName: 'delays', trafficSplit: { '3': 93, '4': 7 } })
    expect(Object.keys(files)).toHaveLength(5)
    expect(files['model-4.json']).toMatchObject({
      model: {
        displayName: 'flights-4',
        versionDescription: version(4).digest,
        containerSpec: {
          imageUri: 'registry.example/flights:flights-4',
          predictRoute: '/predict',
          healthRoute: '/health',
          ports: [{ containerPort: 8080 }],
        },
      },
    })
    expect(files['deployed-model-4.json']).toMatchObject({ id: '4' })
    expect(vertexFiles(route(), options)['endpoint.json']).toMatchObject({ trafficSplit: { '3': 100 } })
  })

  it('refuses a share that is no whole percent, and mirroring, which it does not do', () => {
    expect(() => vertexFiles(route({ mode: 'split', share: 0.005 }), options)).toThrow('0.5 % to version 4; Vertex AI')
    for (const mode of ['shadow', 'bake'] as const)
      expect(() => vertexFiles(route({ mode, share: 0.2 }), options)).toThrow('mirrors requests, which Vertex AI')
  })
})

describe('a route as files of Azure ML', () => {
  it('has a deployment a version, the paths of its container, and their shares', () => {
    const files = azureFiles(route({ mode: 'split', share: 0.25 }), options)
    expect(files['endpoint.yaml']).toMatchObject({ name: 'delays', traffic: { v3: 75, v4: 25 } })
    expect(files['endpoint.yaml']).not.toHaveProperty('mirror_traffic')
    expect(files['deployment-v4.yaml']).toMatchObject({
      name: 'v4',
      endpoint_name: 'delays',
      environment: {
        image: 'registry.example/flights:flights-4',
        inference_config: {
          liveness_route: { path: '/', port: 8080 },
          readiness_route: { path: '/ready', port: 8080 },
          scoring_route: { path: '/score', port: 8080 },
        },
      },
      tags: { 'slipway.model.digest': version(4).digest },
    })
  })

  it('mirrors half of the requests at most, and refuses more', () => {
    expect(azureFiles(route({ mode: 'shadow', share: 0.5 }), options)['endpoint.yaml']).toMatchObject({
      traffic: { v3: 100, v4: 0 },
      mirror_traffic: { v4: 50 },
    })
    expect(() => azureFiles(route({ mode: 'shadow', share: 0.51 }), options)).toThrow('mirrors 51 % to version 4')
    expect(() => azureFiles(route({ mode: 'bake', share: 0.5 }), options)).toThrow('mirrors 100 % to version 3')
  })
})
