import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerLearner } from '../../formats/learner.ts'
import { type LearnerOrder, targetsOf } from '../learner.ts'
import { channelFormats, groupColumn, labelColumns, weightColumn, writeChannel } from './channels.ts'

/** Folders of a program, below one that stands for `/opt/ml` of SageMaker's training containers. */
export interface Layout {
  readonly root: string
  readonly code: string
  readonly config: string
  readonly train: string
  readonly validation: string
  readonly parity: string
  readonly model: string
  readonly output: string
  readonly outputData: string
  readonly failure: string
  readonly home: string
  readonly temporary: string
}

export function layoutIn(root: string): Layout {
  return {
    root,
    code: join(root, 'code'),
    config: join(root, 'input/config'),
    train: join(root, 'input/data/train'),
    validation: join(root, 'input/data/validation'),
    parity: join(root, 'input/data/parity'),
    model: join(root, 'model'),
    output: join(root, 'output'),
    outputData: join(root, 'output/data'),
    failure: join(root, 'output/failure'),
    home: join(root, 'home'),
    temporary: join(root, 'tmp'),
  }
}

/**
 * Writes what a program reads: its channels, one of them of rows that are made up for it to predict, and its
 * configuration as the containers' contract has it; besides these `columns.json`, which says what the columns are. Its
 * code is there already.
 * @param madeUp [inputs][rows]
 */
export async function layOut(
  order: LearnerOrder<ContainerLearner>,
  madeUp: readonly Float32Array[],
  layout: Layout,
): Promise<void> {
  const { config, train, validation, parity, model, outputData, home, temporary } = layout
  for (const folder of [
    config,
    train,
    validation,
    parity,
    model,
    outputData,
    join(layout.output, 'intermediate'),
    home,
    temporary,
  ])
    await mkdir(folder, { recursive: true, mode: 0o700 })
  const { hyperparameters, data } = order.parameters
  const write = (name: string, content: unknown): Promise<void> =>
    writeFile(join(config, name), `${JSON.stringify(content, undefined, 2)}\n`)
  await write('hyperparameters.json', asTexts(hyperparameters))
  await write('inputdataconfig.json', channelsOf(data))
  await write('resourceconfig.json', resources)
  await write('columns.json', columnsOf(order))
  const targets = targetsOf(order) === 1 ? undefined : order.outputs
  await writeChannel(order.inputs, { ...order.train, targets }, data, join(train, `train.${data}`))
  await writeChannel(order.inputs, { ...order.validation, targets }, data, join(validation, `validation.${data}`))
  await writeChannel(order.inputs, { features: madeUp }, data, join(parity, `parity.${data}`))
  await chmod(layout.root, 0o700)
}

const channelsOf = (data: ContainerLearner['data']): Record<string, unknown> => {
  const channel = {
    ContentType: channelFormats[data],
    TrainingInputMode: 'File',
    S3DistributionType: 'FullyReplicated',
    RecordWrapperType: 'None',
  }
  return { train: channel, validation: channel, parity: channel }
}

const host = 'algo-1'
/** What a program here is told of the machines it runs on. */
export const resources = { current_host: host, hosts: [host], network_interface_name: 'lo' }

function columnsOf(order: LearnerOrder<unknown>): Record<string, unknown> {
  const { task, seed, inputs, classes, outputs, levels, train } = order
  const targets = labelColumns(targetsOf(order), outputs)
  return {
    task,
    seed,
    label: targets[0],
    // Of several targets a label each, in the order of what is answered.
    ...(targets.length > 1 && { labels: targets, outputs }),
    ...(levels !== undefined && { quantiles: levels }),
    // What the labels, which are their places, stand for.
    ...(classes !== undefined && { classes }),
    ...(train.weights !== undefined && { weight: weightColumn }),
    ...(train.groups !== undefined && { group: groupColumn }),
    features: inputs,
  }
}

/** The contract passes texts. */
const asTexts = (values: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))

/** Variables of ours that a program may see: none that could hold a secret. */
const allowed = /^(LANG|LC_[A-Z]+|LD_LIBRARY_PATH|CUDA_VISIBLE_DEVICES|NVIDIA_[A-Z_]+)$/
export const passedOn = (ours: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(ours).filter(([name, value]) => allowed.test(name) && value !== undefined),
  ) as Record<string, string>

/** The variable that holds a hyperparameter. */
export const variableOf = (name: string): string => `SM_HP_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`

/**
 * The environment of a program: where everything is, as SageMaker's toolkit says it. Nothing of ours but what is
 * allowed.
 * @param path where programs are looked for
 */
export function environmentOf(
  { parameters, threads, seed, task }: LearnerOrder<ContainerLearner>,
  layout: Layout,
  path: string,
  ours: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const { hyperparameters, data } = parameters
  const each = Object.entries(hyperparameters).map(([name, value]) => [variableOf(name), String(value)])
  return {
    ...passedOn(ours),
    PATH: path,
    HOME: layout.home,
    TMPDIR: layout.temporary,
    TZ: 'UTC',
    PYTHONUNBUFFERED: '1',
    PYTHONHASHSEED: String(seed % 2 ** 32),
    OMP_NUM_THREADS: String(threads),
    SAGEMAKER_BASE_DIR: layout.root,
    SM_MODULE_DIR: layout.code,
    SM_INPUT_DIR: join(layout.root, 'input'),
    SM_INPUT_CONFIG_DIR: layout.config,
    SM_INPUT_DATA_CONFIG: JSON.stringify(channelsOf(data)),
    SM_RESOURCE_CONFIG: JSON.stringify(resources),
    SM_CHANNELS: JSON.stringify(['train', 'validation', 'parity']),
    SM_CHANNEL_TRAIN: layout.train,
    SM_CHANNEL_VALIDATION: layout.validation,
    SM_CHANNEL_PARITY: layout.parity,
    SM_MODEL_DIR: layout.model,
    SM_OUTPUT_DIR: layout.output,
    SM_OUTPUT_DATA_DIR: layout.outputData,
    SM_OUTPUT_INTERMEDIATE_DIR: join(layout.output, 'intermediate'),
    SM_HPS: JSON.stringify(hyperparameters),
    ...(Object.fromEntries(each) as Record<string, string>),
    SM_CURRENT_HOST: host,
    SM_HOSTS: JSON.stringify([host]),
    SM_NUM_CPUS: String(threads),
    SM_NUM_GPUS: '0',
    SLIPWAY_SEED: String(seed),
    SLIPWAY_TASK: task,
  }
}
