import { readFile } from 'node:fs/promises'
import { TrainingReport } from '../formats/training-report.ts'
import type { Profile } from '../stats/profile.ts'
import { getJson } from '../store/objects.ts'
import { type ModelFacts, modelFiles } from './model.ts'
import { localPackage, type PackageSource, packagedFile } from './package.ts'
import { isTensorModel } from './package-files.ts'

/** What rows are compared with: what a version was trained on, and how much it uses each feature. */
export interface Baseline {
  /** Undefined of a model of tensors alone. */
  readonly facts: ModelFacts | undefined
  readonly profile: Profile
  /** Share of the model's importance, by feature. */
  readonly importances: Readonly<Record<string, number>>
}

/** A cross weighs as much in what it is made of as it does itself, shared out: drift is measured on features. */
function importancesOf(features: TrainingReport['features'], facts: ModelFacts): Record<string, number> {
  const weights = new Map(facts.features.map(({ name }) => [name, 0]))
  for (const { name, of = [name], importance } of features) {
    for (const part of of) weights.set(part, (weights.get(part) ?? 0) + importance / of.length)
  }
  return Object.fromEntries(weights)
}

/** The baseline of a version, verified as its package is. */
export async function readBaseline(source: PackageSource, digest: string): Promise<Baseline> {
  const local = await localPackage(source, digest)
  const profile = JSON.parse(await readFile(local.baselineFile, 'utf8')) as Profile
  if (isTensorModel(local)) return { facts: undefined, profile, importances: {} }
  const { facts } = local
  const training = await packagedFile(source, digest, modelFiles.training)
  const { features } = await getJson(source.store, training, TrainingReport)
  for (const { name, masked } of facts.inputs)
    if (masked === true && profile[name] !== undefined) profile[name] = { ...profile[name], masked }
  return {
    facts,
    profile,
    importances: importancesOf(features, facts),
  }
}
