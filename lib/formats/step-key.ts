import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import { SlipwayError } from './errors.ts'
import type { Step, StepKind } from './plan.ts'

/** Bumped when what a step makes of the same inputs changes, so that older records no longer answer for it. */
export const stepVersions: Record<StepKind, number> = {
  snapshot: 2,
  validate: 2,
  split: 2,
  train: 4,
  package: 5,
  evaluate: 3,
  gate: 2,
  approve: 1,
  register: 1,
  deploy: 1,
  monitor: 1,
  guard: 2,
  batch: 2,
}

/** Gates of latency are measured by blocks since 0.8: what was decided by one of them before no longer answers. */
const versionOf = (step: Step): number =>
  stepVersions[step.kind] + (step.kind === 'gate' && step.must.some(({ metric }) => metric === 'latencyP99Ms') ? 1 : 0)

/** Packages (and engines) whose version may change the bytes a step makes. */
const stepHosts: Record<StepKind, readonly string[]> = {
  snapshot: ['@duckdb/node-api'],
  validate: ['@duckdb/node-api'],
  split: ['@duckdb/node-api'],
  train: ['@duckdb/node-api', 'v8'],
  package: ['onnxruntime-node', 'wabt', 'v8'],
  evaluate: ['onnxruntime-node', '@duckdb/node-api', 'v8'],
  gate: ['v8'],
  approve: [],
  register: [],
  deploy: [],
  monitor: [],
  batch: [],
  guard: ['onnxruntime-node', '@duckdb/node-api', 'v8'],
}

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
 * The settings of a step: all of it but its own name, code, and the steps it reads from, which count by what they made. What is left out is
 * named here, not what is kept, so that a new setting cannot be forgotten.
 */
function paramsOf(step: Step): Record<string, unknown> {
  const { id: _, kind: __, ...rest } = step
  const without = (...names: string[]): Record<string, unknown> =>
    Object.fromEntries(Object.entries(rest).filter(([name, value]) => !names.includes(name) && value !== undefined))
  switch (step.kind) {
    case 'snapshot':
      return without('from')
    case 'validate':
    case 'split':
      return without('table')
    case 'train':
      return { ...without('split', 'features'), target: step.target.column }
    case 'package':
      return without('model')
    case 'evaluate':
      return { ...without('package', 'split', 'part'), target: step.target.column }
    case 'gate':
      return without('package', 'evaluation', 'model')
    case 'approve':
    case 'register':
      return without('package')
    case 'deploy':
    case 'monitor':
    case 'batch':
      return without('package', 'model')
    case 'guard':
      return { ...without('package', 'split', 'endpoint'), target: step.target.column }
  }
}

/**
 * The material of a step's key. `inputs` names the digests of what it reads; `host` must know every package named in
 * `stepHosts`. File and function names are left out: they are for people.
 * @throws SlipwayError HOST_MISMATCH when code was planned with another version of a package than this host has.
 */
export function stepMaterial(step: Step, inputs: Readonly<Record<string, string>>, host: HostVersions): StepMaterial {
  const code: Record<string, string> = {}
  const used: Record<string, string> = {}
  for (const name of stepHosts[step.kind]) used[name] = host[name] ?? 'unknown'
  if (step.kind === 'train' || step.kind === 'evaluate' || step.kind === 'guard') {
    for (const [role, ref] of [
      ['features', step.kind === 'train' ? step.features : undefined],
      ['target', step.target.code],
    ] as const) {
      if (ref === undefined) continue
      code[role] = ref.digest
      for (const [name, version] of Object.entries(ref.host)) {
        if (host[name] !== version) {
          throw new SlipwayError(
            'HOST_MISMATCH',
            `${ref.name} was planned with ${name} ${version}; this worker has ${host[name] ?? 'none'}`,
            {
              next: 'install from the same lock file on both sides',
            },
          )
        }
        used[name] = version
      }
    }
  }
  return {
    step: step.kind,
    version: versionOf(step),
    code,
    host: used,
    inputs: { ...inputs },
    params: paramsOf(step) as StepMaterial['params'],
  }
}

/** What changed between two materials of a step, a phrase each: `leaves 31→15`, `code of features`, `input table`. */
export function describeChanges(before: StepMaterial, after: StepMaterial): string[] {
  const changes: string[] = []
  if (before.version !== after.version) changes.push(`Slipway's ${after.step} step ${before.version}→${after.version}`)
  for (const role of changedKeys(before.code, after.code)) changes.push(`code of ${role}`)
  for (const name of changedKeys(before.host, after.host))
    changes.push(`${name} ${before.host[name] ?? 'none'}→${after.host[name] ?? 'none'}`)
  const inputs = changedKeys(before.inputs, after.inputs)
  if (inputs.length > 0) changes.push(`input${inputs.length > 1 ? 's' : ''} ${inputs.join(', ')}`)
  changes.push(...describeJsonChanges(before.params, after.params, ''))
  return changes
}

function changedKeys(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return keys.filter((key) => canonicalJson(before[key] ?? null) !== canonicalJson(after[key] ?? null))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function describeJsonChanges(before: Record<string, unknown>, after: Record<string, unknown>, path: string): string[] {
  return changedKeys(before, after).flatMap((key) => {
    const [a, b] = [before[key], after[key]]
    const name = path === '' || path === 'learner' ? key : `${path}.${key}`
    if (isRecord(a) && isRecord(b)) return describeJsonChanges(a, b, name)
    const [from, to] = [canonicalJson(a ?? null), canonicalJson(b ?? null)]
    return from.length + to.length <= 40 ? [`${name} ${from}→${to}`] : [name]
  })
}
