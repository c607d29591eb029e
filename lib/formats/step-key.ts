import { z } from 'zod'
import { SlipwayError } from './errors.ts'
import { changedKeys, jsonDifferences } from './json-differences.ts'
import { kindOf, type Step } from './step-kinds/index.ts'

/** Everything the result of a step depends on, and nothing else: its hash is the step key. */
export const StepMaterial = z.object({
  step: z.string(),
  version: z.int(),
  code: z.record(z.string(), z.string()),
  host: z.record(z.string(), z.string()),
  inputs: z.record(z.string(), z.string()),
  params: z.record(z.string(), z.json()),
})
export type StepMaterial = z.infer<typeof StepMaterial>

/** Versions of packages and engines of this process, by name. */
export type HostVersions = Readonly<Record<string, string>>

/**
 * The settings of a step: all of it but its own name, code, and the steps it reads from, which count by what they made.
 */
function paramsOf(step: Step): Record<string, unknown> {
  const { refs, notInKey = [], inKey } = kindOf(step)
  const left = new Set(['id', 'kind', ...refs, ...notInKey])
  const kept = Object.entries(step).filter(([name, value]) => !left.has(name) && value !== undefined)
  return { ...Object.fromEntries(kept), ...inKey?.(step) }
}

/**
 * The material of a step's key. `inputs` names the digests of what it reads; `host` must know every package that the
 * step's kind names. File and function names are left out: they are for people.
 * @throws SlipwayError HOST_MISMATCH when code was planned with another version of a package than this host has.
 */
export function stepMaterial(step: Step, inputs: Readonly<Record<string, string>>, host: HostVersions): StepMaterial {
  const { version, hosts, code: codeOf } = kindOf(step)
  const code: Record<string, string> = {}
  const used: Record<string, string> = {}
  for (const name of hosts) used[name] = host[name] ?? 'unknown'
  for (const [role, ref] of Object.entries(codeOf?.(step) ?? {})) {
    if (ref === undefined) continue
    code[role] = ref.digest
    for (const [name, planned] of Object.entries(ref.host)) {
      if (host[name] !== planned)
        throw new SlipwayError(
          'HOST_MISMATCH',
          `${ref.name} was planned with ${name} ${planned}; this worker has ${host[name] ?? 'none'}`,
          { next: 'install from the same lock file on both sides' },
        )
      used[name] = planned
    }
  }
  return {
    step: step.kind,
    version: typeof version === 'number' ? version : version(step),
    code,
    host: used,
    inputs: { ...inputs },
    params: paramsOf(step) as StepMaterial['params'],
  }
}

/**
 * What a train step's key holds besides its inputs: the name that its pipeline gives the model, which stands in the
 * graph. Two pipelines that are alike but for their names make models that differ in it.
 */
export const namedInModel = (name: string): Readonly<Record<string, string>> => ({ name })

/** What changed between two materials of a step, a phrase each: `leaves 31→15`, `code of features`, `input table`. */
export function describeChanges(before: StepMaterial, after: StepMaterial): string[] {
  const changes: string[] = []
  if (before.version !== after.version) changes.push(`Slipway's ${after.step} step ${before.version}→${after.version}`)
  for (const role of changedKeys(before.code, after.code)) changes.push(`code of ${role}`)
  for (const name of changedKeys(before.host, after.host))
    changes.push(`${name} ${before.host[name] ?? 'none'}→${after.host[name] ?? 'none'}`)
  const inputs = changedKeys(before.inputs, after.inputs)
  if (inputs.length > 0) changes.push(`input${inputs.length > 1 ? 's' : ''} ${inputs.join(', ')}`)
  for (const change of jsonDifferences(before.params, after.params)) changes.push(change.replace(/^learner\./, ''))
  return changes
}
