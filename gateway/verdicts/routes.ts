import type { Verdict } from '../../lib/stats/verdict.ts'
import type { Incoming, Outgoing, Route } from '../protocols/protocol.ts'
import { jsonAnswer } from '../protocols/write.ts'
import type { VerdictReader } from './read-verdict.ts'

/** Questions that are answered by a status alone, as webhooks are asked: 200 for yes, 409 for no. */
const questions: Readonly<Record<string, (verdict: Verdict['verdict']) => boolean>> = {
  passed: (verdict) => verdict === 'passed',
  failed: (verdict) => verdict === 'failed',
  'not-failed': (verdict) => verdict !== 'failed',
}

/**
 * What the evidence of a rollout says: as JSON for those who judge it by conditions (Argo Rollouts' web metric), and as
 * yes or no for webhooks (Flagger). With the number of a version it is about that candidate alone, also before its
 * rollout begins and after it ended.
 */
export function verdictRoutes(read: VerdictReader): Route[] {
  const told = async (_: Incoming, name = '', version?: string): Promise<Outgoing> =>
    jsonAnswer(200, await read(name, version))
  const asked = Object.entries(questions).flatMap(([question, isYes]): Route[] => {
    const answer: Route['answer'] = async (_, name = '', version = undefined) => {
      const verdict = await read(name, version)
      return jsonAnswer(isYes(verdict.verdict) ? 200 : 409, verdict)
    }
    return [
      { method: 'POST', path: `/v1/verdict/{name}/${question}`, answer },
      { method: 'POST', path: `/v1/verdict/{name}/{version}/${question}`, answer },
    ]
  })
  return [
    { method: 'GET', path: '/v1/verdict/{name}', answer: told },
    { method: 'GET', path: '/v1/verdict/{name}/{version}', answer: told },
    ...asked,
  ]
}
