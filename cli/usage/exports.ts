import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const dvc = () => import('../exports/dvc.ts')
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
  exports
    .command('dvc')
    .description('a snapshot as a pointer of DVC, its bytes in a remote that `dvc pull` reads')
    .takes('<snapshot>', kinds.snapshotOrRun)
    .needs('--to <file>', 'the pointer: data/flights.parquet.dvc', kinds.dvcPointer)
    .offers('--remote <where>', 'a folder, s3://bucket/prefix, or a remote of .dvc/config by name', kinds.path)
    .json()
    .examples(
      'npx slipway export dvc 3f9a1c22b0d4 --to data/flights.parquet.dvc',
      'npx slipway export dvc flights-20261122-034512-k3x9 --to data/flights.parquet.dvc --remote s3://lake/dvc',
    )
    .does(async (snapshot, options) => (await dvc()).exportDvc(snapshot, options))
}
