import { inspect, types } from 'node:util'
import { type Digest, shortDigest } from '../formats/artifact.ts'
import { brief } from '../formats/brief.ts'
import type { UserFunction } from '../formats/columns.ts'
import {
  type BundlePosition,
  type ErrorCode,
  type ErrorFacts,
  SlipwayError,
  type SourcePlace,
} from '../formats/errors.ts'

/** What the engine calls a bundle: stacks name it. */
export const bundleName = (digest: string): string => `slipway-code-${digest.replace('sha256:', '')}.js`
const bundleFrame = /\bslipway-code-([0-9a-f]{64})\.js:(\d+):(\d+)/

/** Bundles by the function that was loaded from them. */
const loaded = new WeakMap<UserFunction, LoadedFrom>()

/** Where a function comes from. */
interface LoadedFrom {
  /** Its bundle. */
  readonly code: string
  readonly digest: string
  /** What of the bundle is the function itself. */
  readonly text: string
}

/** Remembers where a function comes from, so that its errors can be placed. */
export function rememberBundle(userFunction: UserFunction, from: LoadedFrom): void {
  loaded.set(userFunction, from)
}

/** Lines of a stack that are calls, not message. */
function frames(thrown: unknown): string[] {
  try {
    const stack = types.isNativeError(thrown) ? thrown.stack : undefined
    return typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : []
  } catch {
    // Making a stack asks the error for its message, which may be the user's code.
    return []
  }
}

/** Positions of a stack in a file, innermost first. */
export function positionsIn(thrown: unknown, file: string): { line: number; column: number }[] {
  return frames(thrown).flatMap((frame) => {
    const at = frame.lastIndexOf(`${file}:`)
    const [, line, column] = (at < 0 ? null : /^(\d+):(\d+)/.exec(frame.slice(at + file.length + 1))) ?? []
    return line === undefined ? [] : [{ line: Number(line), column: Number(column) }]
  })
}

/** Positions of a stack in bundles of user code, innermost first. */
function stackInBundles(thrown: unknown): BundlePosition[] {
  return frames(thrown).flatMap((frame) => {
    const [, hex, line, column] = bundleFrame.exec(frame) ?? []
    return hex === undefined ? [] : [{ code: `sha256:${hex}`, line: Number(line), column: Number(column) }]
  })
}

/** A position in a text, from its offset. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - start + 1 }
}

/** The only place of a text that throws something that is no new error: what was thrown so has no stack. */
export function onlyThrow(text: string): { line: number; column: number } | undefined {
  const [first, ...others] = text.matchAll(/\bthrow\b(?!\s*new\b)/g)
  return first === undefined || others.length > 0 ? undefined : positionAt(text, first.index)
}

/** Where a function of a bundle went wrong, as far as its stack tells, and last where the function begins. */
function positionsOf(userFunction: UserFunction, fault?: { readonly thrown: unknown }): BundlePosition[] {
  const stack = stackInBundles(fault?.thrown)
  const from = loaded.get(userFunction)
  if (from === undefined) return stack
  const { code, digest, text } = from
  if (fault !== undefined && !types.isNativeError(fault.thrown)) {
    const position = onlyThrow(code)
    if (position !== undefined) stack.push({ code: digest, ...position })
  }
  const start = code.indexOf(text)
  return start < 0 ? stack : [...stack, { code: digest, ...positionAt(code, start) }]
}

/**
 * Calls a function of the user. What it throws is the user's: it becomes an error of ours that says so, with its place
 * in the bundle. An error of ours that is about what the function gave back gets the place where the function begins.
 */
export function withUserFunction<T>(
  userFunction: UserFunction,
  code: ErrorCode,
  what: string,
  next: string,
  body: () => T,
): T {
  try {
    return body()
  } catch (thrown) {
    if (thrown instanceof SlipwayError) {
      if (thrown.facts.inBundle !== undefined) throw thrown
      const facts: ErrorFacts = { ...thrown.facts, inBundle: positionsOf(userFunction) }
      throw new SlipwayError(thrown.code, thrown.message, facts, { cause: thrown.cause })
    }
    const inBundle = positionsOf(userFunction, { thrown })
    throw new SlipwayError(
      code,
      `${what}: ${inWords(thrown)}`,
      {
        next,
        inBundle,
        inFull: `${what}: ${inWords(thrown, true)}`,
      },
      { cause: thrown },
    )
  }
}

/** An error that came up in a thread by itself, from user code: something asynchronous in it. Undefined for others. */
export function strayFault(thrown: unknown): SlipwayError | undefined {
  const inBundle = stackInBundles(thrown)
  if (inBundle.length === 0) return undefined
  return new SlipwayError(
    'FEATURES_FAILED',
    `code of the pipeline goes on behind its result, and throws: ${inWords(thrown)}`,
    {
      next: 'feature and target functions are synchronous: no promises, no timers',
      inBundle,
    },
  )
}

/**
 * What was thrown, in a few words: it may be anything. A message that users wrote is theirs and is said as it is; what
 * the engine says of a text that it cannot read quotes that text, and a thing that is thrown may be a row.
 * @param inFull whether the values of rows that may be in it are said too
 */
export function inWords(thrown: unknown, inFull = false): string {
  try {
    if (!types.isNativeError(thrown)) {
      const isOwnText = typeof thrown === 'string'
      const shown =
        inFull || isOwnText
          ? brief(
              firstLines(inspect(thrown, { depth: 1, breakLength: Number.POSITIVE_INFINITY, customInspect: false })),
              300,
            )
          : thrown === null || thrown === undefined
            ? String(thrown)
            : `a value of type ${typeof thrown}`
      return `${shown} (not an Error)`
    }
    // By its name: it may be of the user's realm.
    if (!inFull && thrown.name === 'SyntaxError') return 'SyntaxError: a text cannot be read'
    const issues = (thrown as { issues?: unknown }).issues
    if (Array.isArray(issues) && issues.length > 0) return brief(issues.slice(0, 3).map(issueInWords).join('; '), 500)
    const message = firstLines(String(thrown.message))
    return brief(thrown.name === 'Error' ? message : `${thrown.name}: ${message}`, 500)
  } catch {
    return 'something that cannot be shown'
  }
}

const firstLines = (text: string): string => text.split('\n').slice(0, 2).join(' ')

/** One of zod's: `trees: Too small: expected number to be >=1`. */
function issueInWords({ path, message }: { path?: readonly PropertyKey[]; message?: string }): string {
  return path === undefined || path.length === 0 ? String(message) : `${path.map(String).join('.')}: ${message}`
}

/** A place as compilers write it: `pipelines/flights/features.ts:12:5`. */
const placeInWords = ({ file, line, column }: SourcePlace): string => `${file}:${line}:${column}`

/** An error whose message begins with a place, which its facts have by its parts. */
export function placed(error: SlipwayError, at: SourcePlace): SlipwayError {
  const { inBundle: _, inFull, ...facts } = error.facts
  const whole = new SlipwayError(
    error.code,
    `${placeInWords(at)}: ${error.message}`,
    { ...facts, at, ...(inFull !== undefined && { inFull: `${placeInWords(at)}: ${inFull}` }) },
    { cause: error.cause },
  )
  if (error.stack !== undefined) whole.stack = error.stack
  return whole
}

/** A position in a bundle whose way back is not known. */
export function bundlePlace({ code, line, column }: BundlePosition): SourcePlace {
  return { file: `slipway-code-${shortDigest(code as Digest)}.js`, line, column, text: null }
}
