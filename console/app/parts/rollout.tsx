import type { RolloutStatus } from '../../../workflows/messages.ts'
import { Actions } from './act.tsx'
import { Decisions } from './decisions.tsx'
import { Evidence } from './evidence.tsx'
import { Fact, Facts } from './facts.tsx'
import { Section } from './page.tsx'
import { actionsOfRollout } from './rollout-actions.ts'
import { number, seconds } from './words.tsx'

/** A rollout as it goes on, with what decides it and the buttons to decide it by. */
export function Rollout(status: RolloutStatus) {
  const { endpoint, id, stage, stageNumber, stages, paused, waitingForApproval, verdicts, decisions, policy, harmed } =
    status
  const [first] = verdicts
  return (
    <>
      <Section title={`Rollout ${id}`} aside={`step ${stageNumber} of ${stages}, ${stage}${paused ? ', paused' : ''}`}>
        <Steps number={stageNumber} all={stages} label={stage} />
        <Facts>
          <Fact name="going on for">{seconds(status.seconds)}</Fact>
          {policy !== undefined && <Fact name="decided within">{seconds(policy.withinMs / 1000)}</Fact>}
          {first !== undefined && (
            <>
              <Fact name="answers by the candidate">{number(first.candidate.n)}</Fact>
              <Fact name="answers by the champion">{number(first.champion.n)}</Fact>
            </>
          )}
          {harmed !== undefined && (
            <Fact name="requests harmed">
              {harmed.toFixed(1)}
              {policy?.harmBudget != null && <span class="soft"> of {number(policy.harmBudget)} at most</span>}
            </Fact>
          )}
          {waitingForApproval !== null && <Fact name="waits for">{waitingForApproval}</Fact>}
        </Facts>
        <Actions actions={actionsOfRollout(status)} />
      </Section>
      <Evidence {...status} />
      <Decisions decisions={decisions} />
      <p class="soft">
        Every decision with its evidence: <code>npx slipway explain {id}</code>, of endpoint {endpoint}.
      </p>
    </>
  )
}

/** The steps of a rollout, those behind it filled. */
function Steps({ number: at, all, label }: { readonly number: number; readonly all: number; readonly label: string }) {
  return (
    <ol class="steps" aria-label={`Step ${at} of ${all}: ${label}`}>
      {Array.from({ length: all }, (_, i) => (
        <li
          key={i}
          class={i + 1 < at ? 'past' : i + 1 === at ? 'here' : ''}
          aria-current={i + 1 === at ? 'step' : undefined}
        >
          {i + 1 === at ? label : i + 1}
        </li>
      ))}
    </ol>
  )
}
