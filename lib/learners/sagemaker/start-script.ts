import type { SageMakerLearner } from '../../formats/sagemaker-learner.ts'
import type { Space } from '../../formats/tuning.ts'
import type { LearnerOrder } from '../learner.ts'
import { environmentOf, layoutIn } from '../program/layout.ts'
import { quoted, tunedLines } from './tuned-script.ts'

/** Where SageMaker's containers have what they read and write. */
const base = '/opt/ml'
/** Where the program and its configuration are copied to: what SageMaker mounts may not be written. */
const own = '/tmp/slipway'

/** Variables that the machine decides, which the script asks for; and ours, which say nothing there. */
const ofTheMachine =
  /^(PATH|HOME|TMPDIR|OMP_NUM_THREADS|SM_NUM_CPUS|SM_NUM_GPUS|SM_CURRENT_HOST|SM_HOSTS|SM_RESOURCE_CONFIG)$/
const ofHyperparameters = /^SM_HPS?(_|$)/

/** What a program has there in the place of its folders here. */
export const ownFolders = { code: `${own}/code`, config: `${own}/config` } as const

/** Where a container finds what it is given. */
export interface ContainerFolders {
  /** The configuration that SageMaker writes, JSON. */
  readonly config: string
  readonly code: string
  /** What it is told by us, with the names of what may be executed. */
  readonly told: string
  /** Files of what it is told that stand with the configuration. */
  readonly configured: readonly string[]
  /** Folders that must be there. */
  readonly made: readonly string[]
}

/**
 * The script of a training.
 * @param tuned parameters that SageMaker chooses for each job: what it tells of them takes the place of ours, and the
 *   script knows the command by itself, for jobs of a search are given none
 */
export function startScript(order: LearnerOrder<SageMakerLearner>, tuned?: Space): string {
  const data = `${base}/input/data`
  const folders = {
    config: `${base}/input/config`,
    code: `${data}/code`,
    told: `${data}/slipway`,
    configured: ['columns.json'],
    made: [`${base}/model`, `${base}/output/data`],
  }
  const env = environmentOf(order, { ...layoutIn(base), ...ownFolders }, '', {})
  if (tuned === undefined) return containerScript(folders, env)
  const { command = [], hyperparameters } = order.parameters
  return containerScript(
    folders,
    Object.fromEntries(Object.entries(env).filter(([name]) => !ofHyperparameters.test(name))),
    {
      lines: tunedLines(hyperparameters, tuned, { from: folders.config, to: ownFolders.config }),
      start: command.map(quoted).join(' '),
    },
  )
}

/**
 * The script that a container of SageMaker's starts a program by, so that it finds everything by the variables that
 * programs here have: a copy of its files as its folder, and a configuration with what else it is told. It needs a
 * POSIX shell and nothing else.
 */
export function containerScript(
  { config, code, told, configured, made }: ContainerFolders,
  env: Readonly<Record<string, string>>,
  { lines, start }: { readonly lines: readonly string[]; readonly start: string } = { lines: [], start: '"$@"' },
): string {
  const variables = Object.entries(env).filter(([name]) => !ofTheMachine.test(name))
  return `#!/bin/sh
# Made by Slipway. Runs a program as \`program(…)\` runs it, in a container of SageMaker's.
set -e
mkdir -p ${[ownFolders.code, ownFolders.config, ...made].join(' ')}
cp ${config}/*.json ${own}/config/
${configured.map((file) => `cp ${told}/${file} ${own}/config/\n`).join('')}if [ -d ${code} ]; then cp -R ${code}/. ${own}/code/; fi
if [ -f ${told}/executable ]; then
  while IFS= read -r file; do chmod +x "${own}/code/$file"; done < ${told}/executable
fi
resources=${own}/config/resourceconfig.json
export SM_RESOURCE_CONFIG="$(cat $resources)"
export SM_CURRENT_HOST="$(sed -n 's/.*"current_host" *: *"\\([^"]*\\)".*/\\1/p' $resources | head -n 1)"
export SM_HOSTS="$(tr -d '\\n' < $resources | sed -n 's/.*"hosts" *: *\\(\\[[^]]*\\]\\).*/\\1/p')"
export SM_NUM_CPUS="$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
export SM_NUM_GPUS="$(ls /dev/nvidia[0-9]* 2>/dev/null | wc -l | tr -d ' ')"
${[...variables.map(([name, value]) => `export ${name}=${quoted(value)}`), ...lines].join('\n')}
cd ${own}/code
exec ${start}
`
}
