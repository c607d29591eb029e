import { describe, expect, it } from 'vitest'
import { argoAnalysis } from '../../cli/exports/argo-analysis.ts'
import { flaggerCanary } from '../../cli/exports/flagger.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'

/*
 * What other systems are given to ask for our verdict. Shapes are held to their own resource definitions by
 * test/peers/rollout-exports.test.ts; what gateways answer, by test/gateway/verdicts.test.ts.
 */
const gateway = 'http://slipway-gateway:8080/'

describe('an AnalysisTemplate', () => {
  it('passes and fails by our verdict, and waits for it as long as it is told', () => {
    const { spec } = argoAnalysis('flights', { gateway, interval: '30s', within: '24h' }) as {
      spec: { args: object[]; metrics: object[] }
    }
    expect(spec.args).toEqual([{ name: 'version', value: '' }])
    expect(spec.metrics).toEqual([
      expect.objectContaining({
        successCondition: 'result.verdict == "passed"',
        failureCondition: 'result.verdict == "failed"',
        // 24 hours of half minutes.
        inconclusiveLimit: 2_880,
        consecutiveSuccessLimit: 1,
        failureLimit: 0,
        provider: {
          web: {
            url: 'http://slipway-gateway:8080/v1/verdict/flights/{{args.version}}',
            jsonPath: '{$}',
            timeoutSeconds: 10,
          },
        },
      }),
    ])
  })

  it('sends a token that it has from a secret', () => {
    const told = JSON.stringify(argoAnalysis('flights', { gateway, secret: 'slipway' }))
    expect(told).toContain('"secretKeyRef":{"name":"slipway","key":"token"}')
    expect(told).toContain('{"key":"Authorization","value":"Bearer {{args.token}}"}')
  })

  it('that asks more than once a second is refused', () => {
    expect(() => argoAnalysis('flights', { gateway, interval: '0.5s' })).toThrow(SlipwayError)
  })
})

describe('a Canary of Flagger', () => {
  const canaryOf = (over: object = {}) =>
    flaggerCanary('flights', { gateway, deployment: 'checkout', ...over }).at(-1) as {
      spec: { analysis: { webhooks: { type: string; url: string }[]; metrics?: object[] } }
    }

  it('is rolled back where our candidate failed, and promoted when it has passed', () => {
    const { webhooks, metrics } = canaryOf().spec.analysis
    expect(webhooks.map(({ type, url }) => [type, url])).toEqual([
      ['rollback', 'http://slipway-gateway:8080/v1/verdict/flights/failed'],
      ['confirm-promotion', 'http://slipway-gateway:8080/v1/verdict/flights/passed'],
    ])
    expect(metrics).toBeUndefined()
    expect(canaryOf({ version: '4' }).spec.analysis.webhooks[0]?.url).toContain('/v1/verdict/flights/4/failed')
  })

  it('watches the failures that Prometheus has, where it is named', () => {
    const [template] = flaggerCanary('flights', {
      gateway,
      deployment: 'checkout',
      prometheus: 'http://prometheus:9090',
    })
    expect(template).toMatchObject({ kind: 'MetricTemplate', metadata: { name: 'slipway-flights-errors' } })
    expect(canaryOf({ prometheus: 'http://prometheus:9090' }).spec.analysis.metrics).toEqual([
      expect.objectContaining({ templateRef: { name: 'slipway-flights-errors' } }),
    ])
  })
})
