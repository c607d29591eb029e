import { relative } from 'node:path'
import { type ArtifactRef, mediaTypes } from '../formats/artifact.ts'
import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError, type SourcePlace } from '../formats/errors.ts'
import { programOf, withProgramFiles } from '../formats/filed-programs.ts'
import { isOfContainer, LearnerParameters } from '../formats/learner.ts'
import { type CodeRef, isLearning, type Plan } from '../formats/plan.ts'
import type { HostVersions } from '../formats/step-key.ts'
import { digestOf } from '../store/digest.ts'
import { putBytes } from '../store/objects.ts'
import { putPlan } from '../store/plans.ts'
import { type Signer, sign } from '../store/signing.ts'
import type { Store } from '../store/store.ts'
import { bundleFunction, type FunctionBundle } from './bundle.ts'
import { loadDefinition } from './definition.ts'
import { dataframeMissing } from './host.ts'
import { nearest } from './nearest.ts'
import { type ProgramFolder, publishProgramFolder, readProgramFolder, requireLock } from './program-folder.ts'
import { writeCodeMap } from './source-map.ts'
import { placed } from './user-fault.ts'

/** A plan with the code it refers to, nothing stored yet. */
export interface PlannedPipeline {
  readonly plan: Plan
  readonly bundles: ReadonlyMap<string, NamedBundle>
  /** Files of the project that the definition reaches, from the project's folder. */
  readonly sources: readonly string[]
  /** Where the definition has each step; absent where no definition made the plan. */
  readonly places?: ReadonlyMap<string, SourcePlace>
  /** Finished models that it names, and sample inputs of those of tensors, by digest. */
  readonly models?: ReadonlyMap<string, Uint8Array>
  /** Folders of programs that it names. */
  readonly folders?: readonly ProgramFolder[]
}
type NamedBundle = FunctionBundle & { readonly name: string }

/** Changes to a plan's parameters from the command line: `trees=50`. */
export type Overrides = Readonly<Record<string, string>>

const placeholder: CodeRef = { name: '', file: '', digest: `sha256:${'0'.repeat(64)}`, host: {} }

/**
 * Loads a definition, bundles and lints the functions it uses, and makes the plan.
 * @throws SlipwayError with a definition's or a function's problem, its file and line.
 */
export async function planPipeline(
  root: string,
  name: string,
  host: HostVersions,
  overrides: Overrides = {},
): Promise<PlannedPipeline> {
  const { compile, settled, exportsOf, sources, places } = await loadDefinition(root, name)
  const wanted = new Map<UserFunction, Wanted>()
  compile((userFunction, role, at) => {
    if (typeof userFunction !== 'function')
      throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}": ${role} is ${userFunction}, not a function`, {
        next: 'import a function that a module exports under its name, and give it here',
      })
    wanted.set(userFunction, { role, at })
    return placeholder
  })
  await settled()
  const refs = new Map<UserFunction, CodeRef>()
  const bundles = new Map<string, NamedBundle>()
  for (const [userFunction, { role, at }] of wanted) {
    const exported = exportsOf.get(userFunction)
    if (exported === undefined) {
      const error = new SlipwayError(
        'CODE_NOT_EXPORTED',
        `pipeline "${name}": the function for ${role} is not a named export, so it cannot travel to workers`,
        {
          next: `write it in a module as \`export function ${userFunction.name || role}(…) { … }\` and import it`,
        },
      )
      throw at === undefined ? error : placed(error, at)
    }
    const file = relative(root, exported.file)
    const bundle = await bundleFunction(root, exported.file, exported.name)
    const [impure] = bundle.findings.filter(({ thirdParty }) => !thirdParty)
    if (impure !== undefined) {
      const error = new SlipwayError('CODE_IMPURE', `${exported.name} ${impure.what}`, {
        next: 'a feature function may depend on its arguments only: pass what it needs as a column or a constant',
      })
      throw placed(error, impure.at)
    }
    const used = Object.fromEntries(bundle.requires.map((packageName) => [packageName, versionIn(host, packageName)]))
    const ref: CodeRef = { name: exported.name, file, digest: digestOf(bundle.code), host: used }
    refs.set(userFunction, ref)
    bundles.set(ref.digest, { ...bundle, name: `${file}#${exported.name}` })
  }
  const compiled = compile((userFunction) => refs.get(userFunction) ?? placeholder)
  const { plan, folders } = await withFolders(root, override(compiled, overrides))
  return { plan, bundles, folders, sources, places }
}

/** @throws SlipwayError HOST_MISMATCH where code needs DataFrames and they are not installed */
function versionIn(host: HostVersions, name: string): string {
  const version = host[name]
  if (version === undefined && name === 'danfojs-node') throw dataframeMissing()
  return version ?? 'unknown'
}

/** A plan whose programs name their files. @throws SlipwayError DEFINITION_INVALID */
async function withFolders(root: string, plan: Plan): Promise<Required<Pick<PlannedPipeline, 'plan' | 'folders'>>> {
  const folders = new Map<string, ProgramFolder>()
  const steps: Plan['steps'] = []
  for (const step of plan.steps) {
    const program = programOf(step)
    if (program?.folder === undefined) {
      steps.push(step)
      continue
    }
    const path = program.folder
    const folder = folders.get(path) ?? (await readProgramFolder(root, path))
    folders.set(path, folder)
    if (program.kind === 'program' && program.environment !== 'none') await requireLock(folder)
    steps.push(withProgramFiles(step, folder.digest))
  }
  return { plan: { ...plan, steps }, folders: [...folders.values()] }
}

/** A function that a definition names: what for, and where. */
interface Wanted {
  readonly role: string
  readonly at: SourcePlace | undefined
}

function override(plan: Plan, overrides: Overrides): Plan {
  const entries = Object.entries(overrides)
  if (entries.length === 0) return plan
  const trains = plan.steps.filter((step) => step.kind === 'train')
  const parameters = trains.flatMap(({ learner }) => parametersOf(learner))
  const valid = [...new Set(['seed', ...parameters])]
  for (const [key, text] of entries) {
    if (!valid.includes(key)) {
      const meant = nearest(key, valid)
      throw new SlipwayError(
        'USAGE',
        `--set ${key}: pipeline "${plan.pipeline}" has no parameter "${key}"; it has ${valid.join(', ')}`,
        {
          next: meant === undefined ? undefined : `did you mean --set ${meant}=${text}?`,
        },
      )
    }
    if (plan.steps.some((step) => step.kind === 'tune' && Object.hasOwn(step.space, key)))
      throw new SlipwayError('USAGE', `--set ${key}: pipeline "${plan.pipeline}" tunes it`, {
        next: `take ${key} out of tune to set it`,
      })
  }
  return {
    ...plan,
    steps: plan.steps.map((step) => {
      if (!isLearning(step)) return step
      // Learners of several kinds have parameters of their own: each takes what it has.
      const own = entries.filter(([key]) => key === 'seed' || parametersOf(step.learner).includes(key))
      const { seed, ...changed } = Object.fromEntries(own.map(([key, text]) => [key, Number(text)]))
      const learner = LearnerParameters.safeParse(
        isOfContainer(step.learner)
          ? { ...step.learner, hyperparameters: { ...step.learner.hyperparameters, ...hyperparametersOf(own) } }
          : { ...step.learner, ...changed },
      )
      if (!learner.success || (seed !== undefined && !Number.isSafeInteger(seed))) {
        const issue = learner.error?.issues[0]
        throw new SlipwayError(
          'USAGE',
          `--set ${issue?.path.join('.') ?? 'seed'}: ${issue?.message ?? 'expected an integer'}`,
        )
      }
      return { ...step, learner: learner.data, seed: seed ?? step.seed }
    }),
  }
}

/**
 * What `--set` can change of a plan that is a number, a text or a truth value, by name, with its value now. What a tune
 * step chooses, and what learners of the plan have different values of, is left out.
 */
export function settingsOf(plan: Plan): Record<string, { value: string | number | boolean; isWhole: boolean }> {
  const learning = plan.steps.filter(isLearning)
  const tuned = new Set(learning.flatMap((step) => (step.kind === 'tune' ? Object.keys(step.space) : [])))
  const found = new Map<string, { value: unknown; isWhole: boolean }>()
  const differing = new Set<string>()
  for (const { learner, seed } of learning) {
    const own = learner.kind === 'program' ? learner.hyperparameters : learner
    const values = [
      ...parametersOf(learner).map((name) => [name, own[name as never]] as const),
      ['seed', seed] as const,
    ]
    for (const [name, value] of values) {
      const known = found.get(name)
      if (known !== undefined && known.value !== value) differing.add(name)
      found.set(name, { value, isWhole: name === 'seed' || isWholeOnly(learner, name, value) })
    }
  }
  const plain = ['string', 'number', 'boolean']
  return Object.fromEntries(
    [...found].filter(([name, { value }]) => plain.includes(typeof value) && !tuned.has(name) && !differing.has(name)),
  ) as Record<string, { value: string | number | boolean; isWhole: boolean }>
}

/** Whether a learner takes nothing between two whole numbers for it. */
function isWholeOnly(learner: LearnerParameters, name: string, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value) || learner.kind === 'program') return false
  return [value + 0.5, value - 0.5].every(
    (other) => !LearnerParameters.safeParse({ ...learner, [name]: other }).success,
  )
}

/** What of a learner can be changed from the command line. */
const parametersOf = (learner: LearnerParameters): string[] =>
  isOfContainer(learner) ? Object.keys(learner.hyperparameters) : Object.keys(learner).filter((key) => key !== 'kind')

/** Numbers, and other texts as they are: what they mean only the program knows. */
const hyperparametersOf = (entries: readonly [string, string][]): Record<string, string | number> =>
  Object.fromEntries(
    entries
      .filter(([key]) => key !== 'seed')
      .map(([key, text]) => [key, text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text]),
  )

/**
 * Stores the plan with its code and the models it names, the code signed if there is a signer: from here on any worker
 * can carry it out.
 */
export async function publishPlan(
  store: Store,
  signer: Signer | undefined,
  { plan, bundles, models = new Map(), folders = [] }: PlannedPipeline,
): Promise<ArtifactRef> {
  const samples = new Set(plan.steps.flatMap((step) => (step.kind === 'tensors' ? (step.samples?.digest ?? []) : [])))
  for (const [digest, file] of models)
    await putBytes(store, file, samples.has(digest) ? mediaTypes.json : mediaTypes.onnx)
  for (const folder of folders) await publishProgramFolder(store, signer, folder)
  await Promise.all(
    [...bundles].map(async ([digest, { code, sourceMap, name }]) => {
      await putBytes(store, code, mediaTypes.javascript)
      await writeCodeMap(store, digest, sourceMap)
      if (signer !== undefined) await sign(store, signer, { subject: 'code', name, digest })
    }),
  )
  return putPlan(store, plan)
}
