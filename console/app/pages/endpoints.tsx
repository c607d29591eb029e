import type { EndpointState } from '../../../client/endpoint-states.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Shown } from '../parts/page.tsx'
import { Split } from '../parts/split.tsx'
import { State } from '../parts/state.tsx'
import { When } from '../parts/words.tsx'

/** All endpoints with what they serve. */
export function Endpoints() {
  const seen = useDocument<readonly EndpointState[]>('endpoints')
  return (
    <>
      <Head title="Endpoints" seen={[seen]} />
      <Shown of={seen}>
        {(endpoints) =>
          endpoints.length === 0 ? (
            <Empty>No endpoint serves yet. Give a pipeline a p.deploy, and run it.</Empty>
          ) : (
            <div class="cards">
              {endpoints.map((each) => (
                <Card key={each.endpoint} {...each} />
              ))}
            </div>
          )
        }
      </Shown>
    </>
  )
}

function Card({ endpoint, model, version, since, revision, gateways, rollout, check, watchedBy }: EndpointState) {
  const isAlarm = check?.incident != null
  return (
    <article class="card">
      <h2>
        <a href={`/endpoints/${endpoint}`}>{endpoint}</a>
      </h2>
      <p>
        <a href={`/models/${model}/${version}`}>
          {model} version {version}
        </a>
        {since !== null && (
          <>
            {' '}
            since <When at={since} />
          </>
        )}
      </p>
      <Split
        endpoint={endpoint}
        champion={version}
        candidate={rollout?.candidate ?? null}
        share={rollout?.share ?? 0}
        mode={rollout?.mode ?? 'split'}
      />
      {rollout !== null && (
        <p>
          <State mark={rollout.suspended || rollout.paused || rollout.waitingForApproval !== null ? 'asks' : 'busy'}>
            {rollout.suspended
              ? 'suspended'
              : rollout.paused
                ? 'paused'
                : rollout.waitingForApproval === null
                  ? 'rollout'
                  : `waits for ${rollout.waitingForApproval}`}
          </State>{' '}
          <span class="soft">
            {rollout.suspended
              ? 'nobody watches it: its candidate gets nothing'
              : (rollout.reason ?? 'no worker answers')}
          </span>
        </p>
      )}
      <p class="soft">
        revision {revision}, applied by {gateways.filter((each) => each.revision === revision).length} of{' '}
        {gateways.length} {gateways.length === 1 ? 'gateway' : 'gateways'}
      </p>
      <p class="soft">
        {watchedBy === null ? (
          'not watched'
        ) : check === null ? (
          'watched, not checked yet'
        ) : (
          <>
            <State mark={isAlarm ? 'broken' : 'well'}>{isAlarm ? 'alarm' : 'no alarm'}</State>{' '}
            <a href={`/monitors/${endpoint}`}>check {check.seq}</a> <When at={check.at} />
          </>
        )}
      </p>
    </article>
  )
}
