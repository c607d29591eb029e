import type { RolloutStatus } from '../../../workflows/messages.ts'
import type { Action } from './act.tsx'

/** What a rollout that somebody carries out can be asked for. */
export function actionsOfRollout({
  endpoint,
  paused,
  waitingForApproval,
  candidate,
  champion,
}: RolloutStatus): Action[] {
  const command = (verb: string): string => `slipway rollout ${verb} ${endpoint} --reason "…"`
  const path = (verb: string): string => `endpoints/${endpoint}/${verb}`
  return [
    ...(waitingForApproval === null
      ? []
      : [
          {
            path: path('approve'),
            label: 'Approve',
            means: `Version ${candidate.version} may take over for good, as ${waitingForApproval} says.`,
            command: command('approve'),
            body: { as: waitingForApproval },
          },
        ]),
    paused
      ? {
          path: path('resume'),
          label: 'Resume',
          means: 'The rollout goes on from where it stands.',
          command: command('resume'),
        }
      : {
          path: path('pause'),
          label: 'Pause',
          means: 'The rollout takes no further step until it is resumed; harm still takes the candidate back.',
          command: command('pause'),
        },
    {
      path: path('promote'),
      label: 'Promote',
      means: `Version ${candidate.version} answers everything from now on, whatever the evidence says.`,
      command: command('promote'),
      isGrave: true,
    },
    {
      path: path('rollback'),
      label: 'Roll back',
      means: `Version ${champion.version} answers everything from now on, and the rollout ends.`,
      command: command('rollback'),
      isGrave: true,
    },
  ]
}
