import { decideRun } from '../client/approval.ts'
import type { ClientContext } from '../client/context.ts'
import { rollBackTo } from '../client/rollback.ts'
import { askRollout, type RolloutVerb } from '../client/rollouts.ts'
import { requireRoute } from '../client/route.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Decision } from '../workflows/messages.ts'
import { errorOf } from './live.ts'

/** What a button sends along. */
interface Asked {
  readonly reason?: string
  /** The role that is claimed; nobody checks it. */
  readonly as?: string
  /** The number of a version that is to serve; the one before by default. */
  readonly to?: string
  /** Of an approval: the question that the page showed. */
  readonly about?: Pick<Decision, 'step' | 'against'>
}

const ofRollout: readonly string[] = ['approve', 'pause', 'resume', 'promote', 'rollback'] satisfies RolloutVerb[]

/** Carries out what buttons ask for, as the commands do that stand beside them. */
export const actor =
  (context: ClientContext) =>
  async (path: string, given: unknown): Promise<{ readonly status: number; readonly body: unknown }> => {
    try {
      const body = await carryOut(context, path, askedOf(given))
      if (body !== undefined) return { status: 200, body }
      return { status: 404, body: { error: { code: 'NOT_FOUND', message: `nothing is done at ${path}`, next: null } } }
    } catch (error) {
      const told = errorOf(error)
      return { status: told.code === 'INTERNAL' ? 500 : 409, body: { error: told } }
    }
  }

/** @throws SlipwayError USAGE */
function askedOf(given: unknown): Asked {
  const { reason, as, to, about } = (given ?? {}) as Record<string, unknown>
  const isText = (value: unknown): value is string | undefined =>
    value === undefined || (typeof value === 'string' && value.length <= 2_000)
  const { step, against } = (about ?? {}) as Record<string, unknown>
  if (!isText(reason) || !isText(as) || !isText(to) || !isText(step) || !(against === null || isText(against)))
    throw new SlipwayError('USAGE', 'reasons, roles and versions are texts of at most 2000 characters')
  return {
    ...(reason !== undefined && { reason: reason.trim() }),
    ...(as !== undefined && { as }),
    ...(to !== undefined && { to }),
    about: { ...(step !== undefined && { step }), ...(against !== undefined && { against }) },
  }
}

async function carryOut(context: ClientContext, path: string, { about = {}, ...said }: Asked): Promise<unknown> {
  const [kind = '', name = '', verb = '', ...rest] = path.split('/')
  if (rest.length > 0 || !/^[a-z0-9][a-z0-9-]{0,99}$/.test(name)) return undefined
  if (kind === 'endpoints' && ofRollout.includes(verb)) return askRollout(context, name, verb as RolloutVerb, said)
  if (kind === 'endpoints' && verb === 'back') {
    // What is no endpoint may be a model, which has no such button.
    await requireRoute(context.store, name)
    return rollBackTo(context, name, said)
  }
  if (kind === 'runs' && (verb === 'approve' || verb === 'reject'))
    return (await decideRun(context, verb, name, { ...said, about })).document
  return undefined
}
