import { readEndpointStates } from '../../client/endpoint-states.ts'
import { readPipelines } from '../../client/pipelines.ts'
import { readWaiting } from '../../client/waiting.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** `pipelines`: each with how it stands, in sentences. */
export async function pipelines(options: JsonOption): Promise<number> {
  const found = await readPipelines(openContext())
  if (options.json === true) printJson(found)
  else if (found.length === 0) print('nothing has run here yet: npx slipway run <pipeline> --wait')
  else
    for (const { pipeline, sentences, tone } of found) {
      const [first = '', ...others] = sentences
      print(`${colors.bold(pipeline)}  ${tone === 'broken' ? colors.red(first) : first}`)
      for (const sentence of others) print(`  ${sentence}`)
    }
  return 0
}

/** `endpoints`: all of them in short. */
export async function endpoints(options: JsonOption): Promise<number> {
  const found = await readEndpointStates(openContext())
  if (options.json === true) printJson(found)
  else if (found.length === 0) print('no endpoint serves yet: give a pipeline a p.deploy, and run it')
  else
    print(
      table(
        ['endpoint', 'serves', 'since', 'revision', 'gateways', 'rollout', 'monitor'],
        found.map(({ endpoint, model, version, since, revision, gateways, rollout, check, watchedBy }) => [
          endpoint,
          `${model}@${version}`,
          since ?? '',
          String(revision),
          String(gateways.filter((each) => each.revision !== null).length),
          rollout === null ? '' : `version ${rollout.candidate}: ${rollout.reason ?? 'no worker answers'}`,
          watchedBy === null ? 'not watched' : (check?.verdict ?? 'not checked yet'),
        ]),
      ),
    )
  return 0
}

/** `waiting`: what waits for whom. */
export async function waiting(options: JsonOption): Promise<number> {
  const found = await readWaiting(openContext())
  if (options.json === true) printJson(found)
  else if (found.length === 0) print('nothing waits for anybody')
  else
    print(
      table(
        ['for', 'what', 'until', 'next'],
        found.map((each) =>
          each.kind === 'run'
            ? [each.for, `run ${each.runId}`, each.until, `slipway approve ${each.runId}`]
            : [each.for, `rollout ${each.rollout}: ${each.reason}`, '', `slipway rollout status ${each.endpoint}`],
        ),
      ),
    )
  return 0
}
