import { type Features, lessOffset, runFeatures } from '../code/run-features.ts'
import type { CompiledInput } from '../compiler/compiled-model.ts'
import type { Column, Numbers, UserFunction } from '../formats/columns.ts'
import type { Cross } from '../formats/crosses.ts'
import { SlipwayError } from '../formats/errors.ts'
import { crossReader } from '../stats/crosses.ts'
import type { ModelFacts } from './model.ts'

/*
 * From rows to what a model's graph takes of them, wherever it scores: gateways, batches, evaluations, browsers.
 */

/** Whether a feature keeps the float64 it is made in: for its offset, or for the graph. Others become float32. */
export const isMadeFloat64 = ({ offset, exact }: ModelFacts['features'][number]): boolean =>
  offset !== undefined || exact === true

/** What a graph takes: of numbers float32, but for those it takes as float64, which no compiled model has. */
export type GraphInputs = Readonly<Record<string, CompiledInput>>

/** What the feature code makes of rows. @param firstRow number of the first of them, from 1, for messages */
export type MakeFeatures = (columns: Readonly<Record<string, Column>>, firstRow?: number) => Features

/** What the graph takes of them: the features, less their offsets, and, where there are some, crosses. */
export type InputsOf = (features: Features) => GraphInputs

/** @param features an instance of the model's feature code */
export function featureMaker(
  facts: Pick<ModelFacts, 'features' | 'featureCode'>,
  features: UserFunction,
): MakeFeatures {
  const exact = new Set(facts.features.filter(isMadeFloat64).map(({ name }) => name))
  const staysExact = (feature: string): boolean => exact.has(feature)
  return (columns, firstRow) => runFeatures(features, facts.featureCode.name, columns, firstRow, staysExact)
}

export const rowsOf = (features: Features): number => {
  for (const name in features) return features[name]?.length as number
  return 0
}

const offsetsIn = ({ features }: Pick<ModelFacts, 'features'>): ReadonlyMap<string, number> =>
  new Map(features.flatMap(({ name, offset }) => (offset === undefined ? [] : [[name, offset] as const])))

/** What takes offsets off a model's features and adds its crosses, which are of features as they were made. */
export function inputMaker(facts: Pick<ModelFacts, 'features'>, crosses: readonly Cross[] | undefined): InputsOf {
  const offsets = [...offsetsIn(facts)]
  const readCrosses = crosses === undefined ? () => ({}) : crossReader(crosses)
  const whole = facts.features.filter((feature) => feature.whole === true)
  if (whole.length > 0) return (features) => requireWhole(whole, features) as GraphInputs
  if (offsets.length === 0 && crosses === undefined) return (features) => features as GraphInputs
  return (features) => ({
    ...(features as GraphInputs),
    ...Object.fromEntries(offsets.map(([name, offset]) => [name, lessOffset(features[name] as Numbers, offset)])),
    ...readCrosses(features),
  })
}

/**
 * What a finished model makes whole numbers of has to be some; such a model has neither offsets nor crosses.
 * @throws SlipwayError FEATURES_NOT_FINITE
 */
function requireWhole(whole: ModelFacts['features'], features: Features): Features {
  for (const { name } of whole) {
    const values = features[name] as Numbers
    for (let row = 0; row < values.length; row++) {
      if (Number.isSafeInteger(values[row])) continue
      const what = Number.isFinite(values[row]) ? 'not whole' : values[row]
      throw new SlipwayError('FEATURES_NOT_FINITE', `feature "${name}" is ${what}, and the model takes whole numbers`, {
        inFull: `feature "${name}" is ${values[row]}, and the model takes whole numbers`,
        next: 'make whole numbers of it in the feature function, of missing ones too',
      })
    }
  }
  return features
}
