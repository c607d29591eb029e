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

/**
 * The script that a container of SageMaker's starts a program by, so that it finds everything by the variables that
 * programs here have: a copy of its files as its folder, and a configuration with `columns.json` in it. It needs a
 * POSIX shell and nothing else.
 * @param tuned parameters that SageMaker chooses for each job: what it tells of them takes the place of ours, and the
 *   script knows the command by itself, for jobs of a search are given none
 */
export function startScript(order: LearnerOrder<SageMakerLearner>, tuned?: Space): string {
  const layout = { ...layoutIn(base), code: `${own}/code`, config: `${own}/config` }
  const isTold = (name: string): boolean =>
    !ofTheMachine.test(name) && (tuned === undefined || !ofHyperparameters.test(name))
  const told = Object.entries(environmentOf(order, layout, '', {})).filter(([name]) => isTold(name))
  const { command = [], hyperparameters } = order.parameters
  const chosen =
    tuned === undefined ? [] : tunedLines(hyperparameters, tuned, { from: `${base}/input/config`, to: `${own}/config` })
  const start = tuned === undefined ? '"$@"' : command.map(quoted).join(' ')
  return `#!/bin/sh
# Made by Slipway. Runs a program as \`program(…)\` runs it, in a container of SageMaker's.
set -e
mkdir -p ${own}/code ${own}/config ${base}/model ${base}/output/data
cp ${base}/input/config/*.json ${own}/config/
cp ${base}/input/data/slipway/columns.json ${own}/config/
if [ -d ${base}/input/data/code ]; then cp -R ${base}/input/data/code/. ${own}/code/; fi
if [ -f ${base}/input/data/slipway/executable ]; then
  while IFS= read -r file; do chmod +x "${own}/code/$file"; done < ${base}/input/data/slipway/executable
fi
resources=${own}/config/resourceconfig.json
export SM_RESOURCE_CONFIG="$(cat $resources)"
export SM_CURRENT_HOST="$(sed -n 's/.*"current_host" *: *"\\([^"]*\\)".*/\\1/p' $resources | head -n 1)"
export SM_HOSTS="$(tr -d '\\n' < $resources | sed -n 's/.*"hosts" *: *\\(\\[[^]]*\\]\\).*/\\1/p')"
export SM_NUM_CPUS="$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
export SM_NUM_GPUS="$(ls /dev/nvidia[0-9]* 2>/dev/null | wc -l | tr -d ' ')"
${[...told.map(([name, value]) => `export ${name}=${quoted(value)}`), ...chosen].join('\n')}
cd ${own}/code
exec ${start}
`
}
