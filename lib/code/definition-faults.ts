import type { Builder } from '../definition/builder.ts'
import * as slipway from '../definition/index.ts'
import { SlipwayError, type SourcePlace } from '../formats/errors.ts'
import { readOf } from '../formats/step-id.ts'
import { type CodeMap, userPlace } from './source-map.ts'
import { inWords, onlyThrow, placed, positionsIn } from './user-fault.ts'

/** The user's modules while a definition is loaded and makes its plan: whose fault an error is, and where. */
export interface UserCode {
  /** What the engine calls it. */
  readonly filename: string
  /** `pipeline` as definitions get it: it knows where each step is written. */
  readonly pipeline: typeof slipway.pipeline
  /** The line of the user's that is running. */
  here(): SourcePlace | undefined
  /** Where each step of the plan that was made last is written. */
  readonly places: ReadonlyMap<string, SourcePlace>
  /** Runs some of it. @throws SlipwayError DEFINITION_INVALID for what it throws, with its place */
  run<T>(body: () => T): T
  /**
   * Waits for what it left behind, right after it ran.
   * @throws SlipwayError DEFINITION_INVALID for a promise that fails
   */
  settled(): Promise<void>
}

/** A pipeline's function. */
type Define = (p: Builder) => void
/** Calls that are kept of a stack: zod's are deep. */
const deepStack = 100

/** @param file the definition's, as messages call it */
export function userCode(text: string, map: CodeMap, file: string): UserCode {
  const filename = `slipway-definition-of-${file}`
  const placeIn = (thrown: unknown): SourcePlace | undefined => userPlace(map, positionsIn(thrown, filename))
  const here = (): SourcePlace | undefined => placeIn(new Error('here'))
  const steps = new Map<string, SourcePlace>()

  const faultOf = (thrown: unknown): unknown => {
    const isOurs = thrown instanceof SlipwayError
    if (isOurs && thrown.facts.at !== undefined) return thrown
    const isError = thrown instanceof Error
    const literal = isError ? undefined : onlyThrow(text)
    const at =
      placeIn(thrown) ??
      (literal && userPlace(map, [literal])) ??
      (isOurs && typeof thrown.facts.step === 'string' ? steps.get(thrown.facts.step) : undefined)
    // A line that holds a secret is named, and not shown.
    const hides = isOurs && thrown.facts.hasSecret === true
    if (isOurs) return at === undefined ? thrown : placed(thrown, hides ? { ...at, text: null } : at)
    // Without a line of the user's in its stack it is no error of theirs.
    if (at === undefined && isError) return thrown
    // Definitions see no rows.
    const words = inWords(thrown, true)
    const error = new SlipwayError('DEFINITION_INVALID', words, { next: nextFor(words) }, { cause: thrown })
    return placed(error, at ?? { file, line: 1, column: 1, text: null })
  }

  return {
    filename,
    here,
    places: steps,
    pipeline: (name: string, ...rest: [Define] | [slipway.PipelineOptions, Define]) => {
      const [options, define] = rest.length === 1 ? [{}, rest[0]] : rest
      return slipway.pipeline(name, options, (p) => {
        steps.clear()
        const returned: unknown = define(recording(p, (id) => void noteStep(steps, id, here())))
        if (typeof (returned as PromiseLike<void> | undefined)?.then !== 'function') return
        void Promise.resolve(returned as PromiseLike<void>).catch(() => {})
        throw new SlipwayError('DEFINITION_INVALID', `the function of pipeline "${name}" is async`, {
          next: 'take `async` away: it only records the steps, and all of them before it ends',
        })
      })
    },
    run(body) {
      const { stackTraceLimit } = Error
      Error.stackTraceLimit = deepStack
      try {
        return body()
      } catch (thrown) {
        throw faultOf(thrown)
      } finally {
        Error.stackTraceLimit = stackTraceLimit
      }
    },
    async settled() {
      const left: unknown[] = []
      const hear = (thrown: unknown): void => void left.push(thrown)
      process.on('unhandledRejection', hear)
      await new Promise((resolve) => setImmediate(resolve))
      process.off('unhandledRejection', hear)
      if (left.length > 0) throw faultOf(left[0])
    },
  }
}

function nextFor(words: string): string {
  if (/before initialization|is not a function|undefined/.test(words))
    return 'look at what is imported there: a name that is not exported, or two modules that import each other, is undefined'
  return 'correct the definition'
}

/** Something that a step made. */
interface Made {
  readonly id: string
}

function noteStep(steps: Map<string, SourcePlace>, id: string, at: SourcePlace | undefined): void {
  if (at !== undefined && !steps.has(id)) steps.set(id, at)
}

/**
 * A builder that says after each call which step it made. Steps without a name of their own count within their kind and
 * branch.
 * @param branch with a slash behind it; empty at the top
 */
function recording(p: Builder, note: (id: string) => void, branch = ''): Builder {
  const calls = new Map<string, number>()
  const record = (method: string, made: unknown): void => {
    const count = (calls.get(method) ?? 0) + 1
    calls.set(method, count)
    const ids = method === 'gate' ? ['gate', 'evaluate'] : method === 'monitor' ? ['monitor', 'never-worse'] : [method]
    for (const id of ids) note(`${branch}${id}${count === 1 ? '' : `-${count}`}`)
    const { id } = (made ?? {}) as { id?: unknown }
    if (typeof id === 'string') note(id)
    // A step of one's own is named by what it makes.
    if (method === 'step') for (const { id } of Object.values(made as Record<string, Made>)) note(readOf(id).step)
  }
  const methods = Object.entries(p).map(([method, call]) => [
    method,
    (...given: unknown[]) => {
      const made = (call as (...given: unknown[]) => unknown)(...given)
      record(method, made)
      return made
    },
  ])
  const each: Builder['each'] = (items, define) =>
    p.each(items, (inner, item) => {
      const name = typeof item === 'string' ? item : item.name
      return define(recording(inner, note, `${branch}${name}/`), item)
    })
  return { ...(Object.fromEntries(methods) as Builder), each }
}
