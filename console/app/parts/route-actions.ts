import type { EndpointDocument } from '../../../client/endpoints.ts'
import type { Action } from './act.tsx'

/**
 * What can be done with a route itself, at once: of an endpoint without a rollout, and of one whose rollout nobody
 * carries out just now.
 */
export function actionsOfRoute({ endpoint, route, rollout, last }: EndpointDocument): Action[] {
  const { champion, previous } = route
  if (rollout !== null) return []
  if (route.rollout !== null) {
    const { version } = route.rollout.candidate
    const past = 'past the rollout, which ends when a worker is there again.'
    return [
      promote(endpoint, version, `Version ${version} answers everything at once, ${past}`),
      {
        ...back(endpoint),
        label: 'Roll back',
        means: `Version ${champion.version} answers everything at once, ${past}`,
      },
    ]
  }
  const lost = last !== null && last.outcome !== 'promoted' ? last.candidate : null
  const isAround = lost === null || [champion.digest, previous?.digest].includes(lost.digest)
  return [
    ...(previous === null
      ? []
      : [
          {
            ...back(endpoint),
            label: `Go back to version ${previous.version}`,
            means: `Version ${previous.version} answers everything again, at once; what was rejected since is passed over.`,
          },
        ]),
    ...(isAround
      ? []
      : [
          promote(
            endpoint,
            lost.version,
            `Version ${lost.version} answers everything at once, though its rollout was not won.`,
          ),
        ]),
  ]
}

const back = (endpoint: string) => ({
  path: `endpoints/${endpoint}/back`,
  command: `slipway rollback ${endpoint} --reason "…"`,
  isGrave: true,
})

const promote = (endpoint: string, version: number, means: string): Action => ({
  ...back(endpoint),
  label: `Promote version ${version}`,
  means,
  command: `slipway rollback ${endpoint} --to ${version} --reason "…"`,
  body: { to: String(version) },
})
