import { setTimeout as sleep } from 'node:timers/promises'
import { SlipwayError } from '../formats/errors.ts'
import { isNotFound, isTaken, sageMakerError } from './faults.ts'

/** Something to have in SageMaker under a name, made if it is not there. */
export interface Wanted<There> {
  /** For messages: `training job x`. */
  readonly what: string
  /** Sends the request that makes it. */
  create(): Promise<unknown>
  describe(): Promise<There>
  /** The members of the request that its description repeats. */
  readonly request: Readonly<Record<string, unknown>>
}

/** Between a creation and when every reader sees it, ms. */
const settlesMs = 10_000
const lookEvery = 500

/**
 * Makes something that has a name of its own, once: where the name is taken, what is there is compared with what is
 * wanted. So it may be called again after any crash.
 * @returns whether it was made by this call, and what is there
 * @throws SlipwayError SAGEMAKER_NAME_TAKEN which names the parameters that differ; and those of `sageMakerError`
 */
export async function ensure<There>(wanted: Wanted<There>): Promise<{ readonly made: boolean; readonly there: There }> {
  const { what, create, request } = wanted
  let made = true
  try {
    await create()
  } catch (error) {
    if (!isTaken(error)) throw sageMakerError(error, `to make the ${what}`)
    made = false
  }
  const there = await describeSoon(wanted)
  // A creation whose answer was lost is told that the name is taken: by itself.
  requireSame(what, request, there)
  return { made, there }
}

/** What is there under a name; undefined where nothing is. */
export async function look<There>({
  what,
  describe,
}: Pick<Wanted<There>, 'what' | 'describe'>): Promise<There | undefined> {
  try {
    return await describe()
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw sageMakerError(error, `to look at the ${what}`)
  }
}

/** Reads may not see for a while what was just made. */
async function describeSoon<There>(wanted: Wanted<There>): Promise<There> {
  const until = Date.now() + settlesMs
  for (;;) {
    const there = await look(wanted)
    if (there !== undefined) return there
    if (Date.now() > until)
      throw new SlipwayError('SAGEMAKER_UNREACHABLE', `SageMaker made the ${wanted.what}, and does not find it`, {
        next: 'the same command again',
      })
    await sleep(lookEvery)
  }
}

/** @throws SlipwayError SAGEMAKER_NAME_TAKEN */
export function requireSame(what: string, wanted: Readonly<Record<string, unknown>>, there: unknown): void {
  const differences = differencesIn(wanted, there)
  if (differences.length === 0) return
  throw new SlipwayError(
    'SAGEMAKER_NAME_TAKEN',
    `there is a ${what} already, of other parameters: ${differences.join('; ')}`,
    {
      next: 'let it end, or stop or delete it, and run again',
    },
  )
}

/**
 * Members of a value that another one has otherwise or not at all, in words; what it has besides does not count, for
 * SageMaker fills in what was not said.
 */
export function differencesIn(wanted: unknown, there: unknown, path = ''): string[] {
  if (wanted === undefined) return []
  if (Array.isArray(wanted)) {
    if (wanted.length === 0 && there === undefined) return []
    if (!Array.isArray(there) || there.length !== wanted.length) return [apart(path, wanted, there)]
    return wanted.flatMap((each, i) => differencesIn(each, there[i], `${path}[${i}]`))
  }
  if (typeof wanted === 'object' && wanted !== null && !(wanted instanceof Date)) {
    const other = typeof there === 'object' && there !== null ? (there as Record<string, unknown>) : {}
    return Object.entries(wanted).flatMap(([name, each]) =>
      differencesIn(each, other[name], path === '' ? name : `${path}.${name}`),
    )
  }
  return Object.is(wanted, there) ? [] : [apart(path, wanted, there)]
}

const apart = (path: string, wanted: unknown, there: unknown): string =>
  `${path} is ${short(there)}, not ${short(wanted)}`
const short = (value: unknown): string => (JSON.stringify(value) ?? 'not set').slice(0, 120)
