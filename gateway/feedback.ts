import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SlipwayError } from '../lib/formats/errors.ts'
import { isRelevance, mostRelevance } from '../lib/formats/groups.ts'
import type { Task } from '../lib/formats/plan.ts'
import { FeedbackBody, type GivenLabel, type Label } from '../lib/formats/telemetry.ts'
import { invalid } from '../lib/models/rows.ts'
import { jsonOf } from './text.ts'

/** A clock may be this far ahead of ours, ms; a label from later than that is a mistake. */
const aheadMs = 24 * 3_600_000

/** Labels by endpoint. */
export type LabelsByEndpoint = ReadonlyMap<string, readonly Label[]>

/**
 * Reads the body of `/feedback`.
 * @param taskOf the task of an endpoint's model; without a name, of the only endpoint there is
 * @throws SlipwayError REQUEST_INVALID, and what `taskOf` throws for an endpoint that is not there
 */
export function readFeedback(
  body: Buffer,
  taskOf: (endpoint: string | undefined) => LabelledEndpoint,
  now: number,
): LabelsByEndpoint {
  const given = jsonOf(body)
  const parsed = FeedbackBody.safeParse(given)
  if (!parsed.success) throw invalid(problemOf(parsed.error, given))
  const byEndpoint = new Map<string, Label[]>()
  for (const [i, { requestId = null, row, key = null, label, at = now, endpoint }] of parsed.data.entries()) {
    const path = Array.isArray(given) ? `[${i}]` : ''
    if ((requestId === null) === (key === null)) throw invalid('give either requestId or key', path)
    const { endpoint: name, task, outputs } = taskOf(endpoint)
    const targets = task === 'regression' ? outputs : undefined
    const known = targets === undefined ? labelOf(task, label) : labelOfTargets(targets, label)
    if (known === undefined) {
      const expected = targets === undefined ? labelsInWords[task] : `a number each of ${targets.join(', ')}, by name`
      throw invalid(`label is ${JSON.stringify(label)}, expected ${expected} for ${name}`, path)
    }
    if (at > now + aheadMs) throw invalid(`at is ${new Date(at).toISOString()}, more than a day ahead`, path)
    const labels = byEndpoint.get(name) ?? []
    labels.push({ request: requestId, row, key, label: known, at })
    byEndpoint.set(name, labels)
  }
  return byEndpoint
}

/** An endpoint that labels are about, and what they have to be. */
export interface LabelledEndpoint {
  readonly endpoint: string
  readonly task: Task
  /** What its answers are called, where a row has several. */
  readonly outputs?: readonly string[] | undefined
}

/** A label as it is kept; undefined where it is none of the task. */
function labelOf(task: Task, label: GivenLabel): Label['label'] | undefined {
  if (typeof label === 'object' || !isLabelOf[task](label)) return undefined
  return task === 'multiclass' ? String(label) : label
}

/** The labels of several targets in their order: given so, or by name. */
function labelOfTargets(targets: readonly string[], label: GivenLabel): number[] | undefined {
  if (typeof label !== 'object') return undefined
  const values = Array.isArray(label)
    ? label
    : targets.map((name) => (Object.hasOwn(label, name) ? label[name] : undefined))
  const isWhole = (Array.isArray(label) ? label : Object.keys(label)).length === targets.length
  return isWhole && values.every((value) => value !== undefined) ? (values as number[]) : undefined
}

const labelsInWords: Readonly<Record<Task, string>> = {
  binary: '0, 1, true or false',
  multiclass: 'the name of a class',
  regression: 'a number',
  quantiles: 'a number',
  ranking: `how much the row was worth, a whole number from 0 to ${mostRelevance},`,
}

const isLabelOf: Readonly<Record<Task, (label: number | string) => boolean>> = {
  binary: (label) => label === 0 || label === 1,
  // One that the model does not know is news, and no mistake.
  multiclass: (label) => typeof label === 'string' || Number.isSafeInteger(label),
  regression: Number.isFinite,
  quantiles: Number.isFinite,
  ranking: (label) => typeof label === 'number' && isRelevance(label),
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly code?: string | undefined
  readonly errors?: readonly (readonly Issue[])[] | undefined
}

/** The first thing wrong, told of the form that was meant: one label, or many. */
function problemOf(error: { issues: readonly Issue[] }, given: unknown): string {
  let [issue] = error.issues
  const path: PropertyKey[] = []
  while (issue !== undefined) {
    path.push(...issue.path)
    const branches = issue.errors ?? []
    const branch: readonly Issue[] | undefined =
      branches[path.length === 0 && Array.isArray(given) ? 0 : branches.length - 1]
    if (branch === undefined) break
    const [inner] = branch
    if (inner === undefined) break
    issue = inner
  }
  const where = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return `${where === '' ? '' : `${where.replace(/^\./, '')}: `}${issue?.message ?? 'expected a label or an array of labels'}`
}

/** Labels that were accepted and not yet sent: on disk before their sender hears so, so that this process may die. */
export interface LabelInbox {
  add(labels: LabelsByEndpoint): void
  /** Takes what came for an endpoint, as JSON lines. `done` forgets it, once it is in safe hands. */
  take(endpoint: string): { readonly lines: Buffer; done(): void } | undefined
}

/** @param folder the gateway's own; files that others left there are sent too */
export function openLabelInbox(folder: string, gateway: string): LabelInbox {
  mkdirSync(folder, { recursive: true })
  return {
    add(labels) {
      for (const [endpoint, list] of labels) {
        const file = join(folder, `labels~${endpoint}~${gateway}.ndjson`)
        try {
          appendFileSync(file, list.map((label) => `${JSON.stringify(label)}\n`).join(''))
        } catch (error) {
          throw new SlipwayError('OVERLOADED', `labels cannot be kept: ${(error as Error).message}`, {
            next: 'send them again later',
          })
        }
      }
    },
    take(endpoint) {
      const current = join(folder, `labels~${endpoint}~${gateway}.ndjson`)
      // Moved away first: what comes from now on begins a new file.
      if (existsSync(current)) renameSync(current, join(folder, `labels~${endpoint}~${gateway}-${Date.now()}.ndjson`))
      const files = readdirSync(folder).filter(
        (file) => file.startsWith(`labels~${endpoint}~`) && file !== `labels~${endpoint}~${gateway}.ndjson`,
      )
      if (files.length === 0) return undefined
      const paths = files.map((file) => join(folder, file))
      return {
        lines: Buffer.concat(paths.map((path) => readFileSync(path))),
        done: () => {
          for (const path of paths) rmSync(path, { force: true })
        },
      }
    },
  }
}
