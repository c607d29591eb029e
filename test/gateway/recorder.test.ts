import { expect, it } from 'vitest'
import { createRecorder } from '../../gateway/recorder.ts'
import type { Route } from '../../lib/formats/route.ts'
import { profileNumbers } from '../../lib/stats/profile.ts'

const variant = { model: 'm', version: 1, digest: `sha256:${'0'.repeat(64)}` as const }
const route: Route = {
  slipway: 'route/1',
  endpoint: 'e',
  revision: 1,
  champion: variant,
  previous: null,
  rollout: {
    id: 'r',
    candidate: { ...variant, version: 2 },
    mode: 'shadow',
    share: 1,
    salt: 's',
    sticky: null,
    slowMs: 250,
  },
}

it.each([1e-7, 1, 1e9])('answers differ by more than rounding in their own unit: %s', (unit) => {
  const baseline = { 'score:': profileNumbers(Float64Array.of(0, unit, 2 * unit)) }
  const recorder = createRecorder(route, { champion: { baseline } }, new Map(), 0)
  const outcome = (prediction: number) => ({
    rows: 1,
    ms: 1,
    predictions: Float64Array.of(prediction),
    failure: undefined,
    cached: undefined,
  })
  for (const off of [0, 1e-7, 0.1]) recorder.countPair(outcome(unit), outcome(unit + off * unit))
  expect(recorder.close(1, true)?.pairs).toMatchObject({ n: 3, different: 1 })
})
