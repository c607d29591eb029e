import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const models = () => import('../commands/models.ts')
const showing = () => import('../commands/show.ts')
const descending = () => import('../commands/lineage.ts')
const tracing = () => import('../commands/trace.ts')

/** What was made, and from what. */
export function artifactCommands(program: Usage): void {
  program.commandsGroup('Models and artifacts:')
  program
    .command('models')
    .description('models with their versions and aliases')
    .json()
    .does(async (options) => (await models()).models(options))
  program
    .command('show')
    .description('a run, a model version, a view, or an artifact by digest')
    .takes('<what>', kinds.shown)
    .option('--compiled', 'of a model: what scores it, how that was proven, and how fast it is here')
    .option('--text', 'of a model: the code it is compiled to, as WebAssembly text')
    .json()
    .examples(
      'npx slipway show flights@champion',
      'npx slipway show flights@3 --compiled',
      'npx slipway show 3f9a1c22b0d4',
      'npx slipway show views',
      'npx slipway show view:history',
    )
    .does(async (what, options) => (await showing()).show(what, options))
  program
    .command('lineage')
    .description('what a model, snapshot, batch or prediction was made from, and what was made of it')
    .takes('<what>', kinds.traced)
    .json()
    .examples('npx slipway lineage flights@2', 'npx slipway lineage flights/nightly/2001-06-01')
    .does(async (what, options) => (await descending()).lineage(what, options))
  program
    .command('trace')
    .description('from a prediction to its model, run, snapshot, commit and label')
    .takes('<request>', kinds.request)
    .json()
    .does(async (request, options) => (await tracing()).trace(request, options))
}
