import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const plan = () => import('../exports/plan.ts')

/** What is written for other systems, or to be kept: a file of `cli/exports/` each. */
export function exportCommands(program: Usage): void {
  const exports = program.command('export').description('write what is on record in the form of another system')
  exports
    .command('plan', { isDefault: true })
    .description('the plan of a run as JSON, from the store; what export <run> alone does')
    .takes('<run>', kinds.id)
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .does(async (run, options) => (await plan()).exportPlan(run, options))
}
