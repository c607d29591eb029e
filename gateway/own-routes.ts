import { type AlertTaker, takeAlerts } from './alertmanager.ts'
import type { LargeBodies } from './bodies/large-bodies.ts'
import type { Directory } from './directory.ts'
import type { LabelledEndpoint, LabelsByEndpoint } from './feedback.ts'
import type { Metrics } from './metrics.ts'
import { openApiDocument } from './open-api.ts'
import type { Incoming, Outgoing, Protocol, Route } from './protocols/protocol.ts'
import { jsonAnswer } from './protocols/write.ts'
import type { VerdictReader } from './verdicts/read-verdict.ts'
import { verdictRoutes } from './verdicts/routes.ts'

/** Ten thousand labels, 400 bytes each; a thousand alerts. */
const feedbackLimit = 4 * 2 ** 20
const alertsLimit = 2 ** 20

export interface OwnRoutesDeps {
  readonly directory: Directory
  readonly protocols: readonly Protocol[]
  /** Slipway's. */
  readonly version: string
  health(): object
  isReady(): boolean
  readonly metrics: Metrics
  /** Keeps labels, on disk before it returns. */
  keepLabels(labels: LabelsByEndpoint): void
  readonly alert: AlertTaker | undefined
  readonly largeBodies: LargeBodies
  /** What the evidence of an endpoint's rollout says; missing where there is no store to ask. */
  readonly verdict?: VerdictReader
}

/** What every gateway answers besides predictions, whatever protocols it speaks. */
export function ownRoutes(deps: OwnRoutesDeps): readonly Route[] {
  const { directory, protocols, version, metrics } = deps
  return [
    {
      method: 'GET',
      path: '/health',
      answer: () => jsonAnswer(deps.isReady() ? 200 : 503, deps.health()),
    },
    {
      method: 'GET',
      path: '/metrics',
      answer: async () => ({
        status: 200,
        headers: ['content-type', metrics.contentType],
        body: await metrics.text(),
      }),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      answer: () => jsonAnswer(200, openApiDocument(protocols, directory.endpoints(), version)),
    },
    {
      method: 'POST',
      path: '/feedback',
      bodyLimit: feedbackLimit,
      answer: (request) => takeFeedback(request, deps),
    },
    {
      method: 'POST',
      path: '/hooks/alertmanager',
      bodyLimit: alertsLimit,
      answer: async (request) =>
        jsonAnswer(202, await takeAlerts(await deps.largeBodies.readAlerts(request), deps.alert)),
    },
    ...(deps.verdict === undefined ? [] : verdictRoutes(deps.verdict)),
  ]
}

async function takeFeedback(
  request: Incoming,
  { directory, keepLabels, largeBodies }: OwnRoutesDeps,
): Promise<Outgoing> {
  const taskOf = (name: string | undefined): LabelledEndpoint => {
    const { name: endpoint, champion } = directory.endpoint(name)
    if (champion?.kind !== 'rows') return { endpoint, task: 'regression' }
    const { task, outputs } = champion.facts
    return { endpoint, task, outputs }
  }
  const names = directory.names()
  const labels = await largeBodies.readFeedback(request, taskOf, names)
  keepLabels(labels)
  return jsonAnswer(202, { accepted: [...labels.values()].reduce((sum, list) => sum + list.length, 0) })
}
