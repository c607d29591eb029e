import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { sagemaker } from '../../lib/definition/learners.ts'
import { parametersTold, rangesOf, searchedIn, whyNotSearched } from '../../lib/formats/sagemaker-tuning.ts'
import type { Dimension, Parameters, Space } from '../../lib/formats/tuning.ts'
import { tunedLines } from '../../lib/learners/sagemaker/tuned-script.ts'
import { tuningRequest } from '../../lib/sagemaker/tuning-request.ts'
import { problemsOf } from '../sagemaker-fake/validate.ts'
import { type ServiceModel, serviceModel } from '../support/botocore.ts'
import { fakeRole } from '../support/sagemaker.ts'

/*
 * A space of ours as SageMaker takes it, and back: whatever can be said here arrives there as it was meant, or is
 * refused by its name.
 */

const word = fc.stringMatching(/^[a-zA-Z0-9_ .:*$[\]'é-]{1,20}$/).filter((text) => text.trim() !== '')
const ends = (number: fc.Arbitrary<number>) =>
  fc.tuple(number, number).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
/** Without -0, which no text has. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map((each) => each + 0)
const value = fc.oneof(word, fc.integer(), fc.boolean())
const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  ends(fc.integer({ min: -1e6, max: 1e6 })).map((each) => ({ kind: 'whole' as const, ...each })),
  ends(fc.integer({ min: 1, max: 1e6 })).map((each) => ({ kind: 'whole' as const, ...each, scale: 'log' as const })),
  ends(finite).map((each) => ({ kind: 'number' as const, ...each })),
  fc
    .uniqueArray(value, { minLength: 1, maxLength: 30, selector: String })
    .map((of) => ({ kind: 'choice' as const, of })),
)
const space: fc.Arbitrary<Space> = fc
  .dictionary(word, dimension, { minKeys: 1, maxKeys: 8, noNullPrototype: true })
  .filter((made) => Object.keys(searchedIn(made)).length > 0)

/** A point of a space, by numbers of [0, 1]. */
function pointIn(of: Space, at: number): Parameters {
  const inside = (each: Dimension) => {
    if (each.kind === 'choice') return each.of[Math.min(each.of.length - 1, Math.floor(at * each.of.length))] as string
    const between = Math.min(each.to, each.from + at * (each.to - each.from))
    return each.kind === 'whole' ? Math.round(between) : between
  }
  return Object.fromEntries(Object.entries(of).map(([name, each]) => [name, inside(each)]))
}

let model: ServiceModel
beforeAll(async () => {
  model = await serviceModel('sagemaker')
})

const learner = sagemaker({
  image: 'trainer:1',
  instance: 'ml.m5.large',
  role: fakeRole,
  command: ['python', 'train.py'],
  folder: './trainer',
  metrics: { auc: 'auc=([0-9.]+)' },
  hyperparameters: { rounds: 200 },
  spot: true,
})
const purpose = {
  uri: 's3://slipway/sagemaker/x',
  channels: { train: 'text/csv', slipway: undefined },
  script: '/opt/ml/input/data/slipway/start.sh',
  env: { SLIPWAY_SEED: '1' },
  run: 'run-1',
  stepKey: `sha256:${'1'.repeat(64)}`,
}
const requestOf = (of: Space, more: object = {}, budget: object = {}) =>
  tuningRequest(
    {
      learner,
      search: {
        by: 'sagemaker',
        strategy: 'Bayesian',
        objective: { metric: 'auc', goal: 'maximize' },
        atOnce: 5,
        ...more,
      },
      space: of,
      budget: { trials: 20, ...budget },
      seed: 2 ** 31 + 7,
    },
    purpose,
  )

describe('a space that SageMaker searches', () => {
  it('has its parameters in one range each, between the same ends and on the same scale', () => {
    fc.assert(
      fc.property(space, (of) => {
        const { IntegerParameterRanges, ContinuousParameterRanges, CategoricalParameterRanges } = rangesOf(of)
        const searched = searchedIn(of)
        const names = [...IntegerParameterRanges, ...ContinuousParameterRanges, ...CategoricalParameterRanges]
        expect(names.map(({ Name }) => Name).sort()).toEqual(Object.keys(searched).sort())
        for (const [ranges, kind] of [
          [IntegerParameterRanges, 'whole'],
          [ContinuousParameterRanges, 'number'],
        ] as const)
          for (const { Name, MinValue, MaxValue, ScalingType } of ranges)
            expect(searched[Name]).toEqual({
              kind,
              from: Number(MinValue),
              to: Number(MaxValue),
              ...(ScalingType === 'Logarithmic' && { scale: 'log' }),
            })
        for (const { Name, Values } of CategoricalParameterRanges)
          expect((searched[Name] as Dimension & { kind: 'choice' }).of.map(String)).toEqual(Values)
      }),
    )
  })

  it('makes requests that botocore takes', () => {
    fc.assert(
      fc.property(space, (of) => {
        const request = { HyperParameterTuningJobName: 'risk-0123456789abcdef-1', ...requestOf(of) }
        const sent = JSON.parse(JSON.stringify(request))
        expect(problemsOf(model, 'CreateHyperParameterTuningJobRequest', sent)).toEqual([])
      }),
      { numRuns: 50 },
    )
  })

  it('is read back as it was, also from choices in quotes and numbers in other notations', () => {
    fc.assert(
      fc.property(space, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (of, at, isQuoted) => {
        const point = pointIn(of, at)
        const told = Object.fromEntries(
          Object.entries(point).map(([name, each]) => {
            if (of[name]?.kind === 'choice') return [name, isQuoted ? `"${each}"` : String(each)]
            return [name, isQuoted ? Number(each).toExponential() : String(each)]
          }),
        )
        const back = parametersTold(of, told) as Parameters
        for (const [name, each] of Object.entries(point)) expect(back[name] === each, name).toBe(true)
      }),
    )
  })

  it('is not read of values that are none of it', () => {
    const of: Space = { mode: { kind: 'choice', of: ['a', 'b'] }, l2: { kind: 'number', from: 0, to: 1 } }
    expect(parametersTold(of, { mode: 'c', l2: '0.5' })).toBeUndefined()
    expect(parametersTold(of, { mode: 'a', l2: 'much' })).toBeUndefined()
    expect(parametersTold(of, { mode: 'a' })).toBeUndefined()
    // A digit more than there is room for on the way.
    expect(parametersTold(of, { mode: 'a', l2: '1.0000000000000002' })).toEqual({ mode: 'a', l2: 1 })
  })

  const choices = (of: readonly (string | number)[]): Space => ({ mode: { kind: 'choice', of: [...of] } })
  it.each([
    [{ a: { kind: 'whole', from: 3, to: 3 } }, 'every parameter has one value only'],
    [
      Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`p${i}`, { kind: 'number', from: 0, to: 1 }])),
      'SageMaker searches 30 parameters at most, and these are 31',
    ],
    [choices(Array.from({ length: 31 }, (_, i) => i)), 'mode: SageMaker takes 30 values at most'],
    [choices([1, '1']), 'mode: SageMaker passes texts, and two values are "1" as text'],
    [choices(['x'.repeat(257), 'y']), 'mode: SageMaker takes values of 256 characters at most'],
    [choices(['a "b"', 'c']), 'has quotes'],
    [choices(['', 'c']), 'mode: a blank text'],
    [{ 'a"b': { kind: 'number', from: 0, to: 1 } }, 'names with quotes'],
    [{ _tuning_objective_metric: { kind: 'number', from: 0, to: 1 } }, 'SageMaker has a hyperparameter of that name'],
  ] as const)('%#: is refused by name where it cannot be', (of, words) => {
    expect(whyNotSearched(of as Space, 'Bayesian')).toContain(words)
  })

  it('of numbers is no grid', () => {
    const of: Space = { l2: { kind: 'number', from: 0, to: 1 }, mode: { kind: 'choice', of: ['a', 'b'] } }
    expect(whyNotSearched(of, 'Grid')).toBe('l2: Grid takes choices only: oneOf(…)')
    expect(whyNotSearched(of, 'Random')).toBeUndefined()
    expect(whyNotSearched({ ...of, l2: { kind: 'number', from: 1, to: 1 } }, 'Grid')).toBeUndefined()
  })
})

describe('the request of a search', () => {
  const of: Space = { rounds: { kind: 'whole', from: 10, to: 100 }, seven: { kind: 'whole', from: 7, to: 7 } }

  it('is the training job of the learner, with what bounds it and what starts its program', () => {
    const { HyperParameterTuningJobConfig: config, TrainingJobDefinition: definition } = requestOf(
      of,
      {},
      { timeMs: 3.6e6 },
    )
    expect(config).toMatchObject({
      Strategy: 'Bayesian',
      HyperParameterTuningJobObjective: { Type: 'Maximize', MetricName: 'auc' },
      ResourceLimits: { MaxNumberOfTrainingJobs: 20, MaxParallelTrainingJobs: 5, MaxRuntimeInSeconds: 3_600 },
      TrainingJobEarlyStoppingType: 'Off',
      RandomSeed: 7,
    })
    expect(definition?.StaticHyperParameters).toEqual({
      seven: '7',
      sagemaker_program: 'start.sh',
      sagemaker_submit_directory: '/opt/ml/input/data/slipway',
    })
    // Tuning jobs know no entry point; and one trial's checkpoints are none of another's.
    expect(JSON.stringify(definition)).not.toMatch(/Container(Entrypoint|Arguments)|CheckpointConfig/)
    expect(definition).toMatchObject({ EnableManagedSpotTraining: true, Environment: { SLIPWAY_SEED: '1' } })
  })

  it('says what its strategy needs', () => {
    const { HyperParameterTuningJobConfig: config } = requestOf(of, {
      strategy: 'Hyperband',
      resource: { least: 1, most: 30 },
    })
    expect(config?.StrategyConfig).toEqual({ HyperbandStrategyConfig: { MinResource: 1, MaxResource: 30 } })
    const early = requestOf(of, { earlyStopping: true }).HyperParameterTuningJobConfig
    expect(early).toMatchObject({ TrainingJobEarlyStoppingType: 'Auto' })
    expect(early).not.toHaveProperty('StrategyConfig')
  })
})

describe('the script that reads what was chosen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tuned-script-'))
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  for (const each of [from, to]) mkdirSync(each)

  /** What a program sees, started by a shell after the lines. */
  function seen(hyperparameters: Parameters, of: Space, told: Record<string, string>) {
    writeFileSync(join(from, 'hyperparameters.json'), JSON.stringify(told))
    const lines = ['set -e', ...tunedLines(hyperparameters, of, { from, to }), 'printf \'%s\' "$SM_HPS"']
    const hps = execFileSync('/bin/sh', ['-c', lines.join('\n')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return [JSON.parse(hps), JSON.parse(readFileSync(join(to, 'hyperparameters.json'), 'utf8'))]
  }

  it('tells programs the same as if we had chosen, whatever names and texts there are', () => {
    fc.assert(
      fc.property(
        space,
        fc.dictionary(word, fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxKeys: 4, noNullPrototype: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (made, static_, at, isQuoted) => {
          const of = searchedIn(made)
          const given = Object.fromEntries(
            // A NUL is in no variable of an environment.
            Object.entries(static_).filter(([, each]) => !String(each).includes('\0')),
          )
          const point = pointIn(of, at)
          const told = Object.fromEntries(
            Object.entries(point).map(([name, each]) => [
              name,
              isQuoted && of[name]?.kind === 'choice' ? JSON.stringify(String(each)) : String(each),
            ]),
          )
          const own = { _tuning_objective_metric: 'auc', ...given, ...told }
          const texts = Object.fromEntries(Object.entries(own).map(([name, each]) => [name, String(each)]))
          const expected = { ...given, ...point }
          const asTexts = Object.fromEntries(Object.entries(expected).map(([name, each]) => [name, String(each)]))
          expect(seen(given, of, texts)).toEqual(JSON.parse(JSON.stringify([expected, asTexts])))
        },
      ),
      { numRuns: 60 },
    )
    rmSync(folder, { recursive: true })
  })
})
