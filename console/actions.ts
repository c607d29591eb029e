import { userInfo } from 'node:os'
import { decideRun } from '../client/approval.ts'
import { askOwnerOfEndpoint } from '../client/ask-owner.ts'
import type { ClientContext } from '../client/context.ts'
import { rollBack } from '../client/roll-back.ts'
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
  const { reason, as, about } = (given ?? {}) as Record<string, unknown>
  const isText = (value: unknown): value is string | undefined =>
    value === undefined || (typeof value === 'string' && value.length <= 2_000)
  const { step, against } = (about ?? {}) as Record<string, unknown>
  if (!isText(reason) || !isText(as) || !isText(step) || !(against === null || isText(against)))
    throw new SlipwayError('USAGE', 'reasons and roles are texts of at most 2000 characters')
  return {
    ...(reason !== undefined && { reason: reason.trim() }),
    ...(as !== undefined && { as }),
    about: { ...(step !== undefined && { step }), ...(against !== undefined && { against }) },
  }
}

async function carryOut(context: ClientContext, path: string, { about = {}, ...said }: Asked): Promise<unknown> {
  const [kind = '', name = '', verb = '', ...rest] = path.split('/')
  if (rest.length > 0 || !/^[a-z0-9][a-z0-9-]{0,99}$/.test(name)) return undefined
  if (kind === 'endpoints' && ofRollout.includes(verb)) return askRollout(context, name, verb as RolloutVerb, said)
  if (kind === 'endpoints' && verb === 'back') return goBack(context, name, said)
  if (kind === 'runs' && (verb === 'approve' || verb === 'reject'))
    return (await decideRun(context, verb, name, { ...said, about })).document
  return undefined
}

/** Serves the version before again, at once. */
async function goBack({ store, settings }: ClientContext, endpoint: string, { reason = '' }: Asked): Promise<unknown> {
  const before = await requireRoute(store, endpoint)
  if (before.rollout === null && before.previous === null)
    throw new SlipwayError('USAGE', `endpoint ${endpoint} has served no version before ${before.champion.version}`)
  const why = `rolled back by ${userInfo().username}: ${reason === '' ? 'no reason given' : reason}`
  const askOwner: Parameters<typeof rollBack>[0]['askOwner'] = (name, order) =>
    askOwnerOfEndpoint(settings, name, order)
  const { route, breakGlass } = await rollBack({ store, askOwner }, before, null, why)
  return { endpoint, revision: route.revision, champion: route.champion.version, breakGlass }
}
