import { type RegistrationWanted, registerModel } from '../../client/register-model.ts'
import type { Registrable } from '../../client/registration.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import { type DeploymentOptions, deploymentIn } from '../deployment-options.ts'
import { listenForInterrupt } from '../interrupt.ts'
import { followAndShow } from './run.ts'

export interface RegisterOptions extends DeploymentOptions {
  readonly on?: string
  readonly target?: string
  readonly task?: Registrable
  readonly feed?: readonly string[]
  readonly output?: string
  readonly class?: string
  readonly samples?: string
  readonly inputVersion?: string
  readonly name?: string
  readonly wait?: boolean
  readonly json?: boolean
}

/** Registers a finished model by a run of its own, and follows that if asked. @returns the exit code */
export async function register(file: string, options: RegisterOptions): Promise<number> {
  const wanted = wantedBy(options)
  const context = openContext()
  const interrupt = listenForInterrupt()
  const begun = await registerModel(context, file, wanted, interrupt).catch((error: unknown) => {
    interrupt.stopListening()
    throw error
  })
  return (await followAndShow(context, begun, begun.model, options, interrupt)).code
}

/** What is asked for, of rows or of tensors. @throws SlipwayError USAGE where something is said of the other */
function wantedBy(options: RegisterOptions): RegistrationWanted {
  const deploy = deploymentIn(options)
  const { name, on, target, task, samples, inputVersion } = options
  const common = { ...(name !== undefined && { name }), ...(deploy !== undefined && { deploy }) }
  if (on === undefined) {
    for (const option of ['target', 'task', 'feed', 'output', 'class'] as const)
      if (options[option] !== undefined)
        throw new SlipwayError('USAGE', `--${option} is of models of rows, and without --on there are none`, {
          next: 'say --on <snapshot>, or leave it out for a model of tensors',
        })
    return {
      ...common,
      ...(samples !== undefined && { samples }),
      ...(inputVersion !== undefined && { inputVersion: Number(inputVersion) }),
    }
  }
  if (target === undefined || task === undefined)
    throw new SlipwayError('USAGE', `--on ${on}: --target and --task are missing`, {
      next: 'say which column of the snapshot it predicts, and whether that is binary or a regression',
    })
  const ofTensors = samples === undefined ? inputVersion && '--input-version' : '--samples'
  if (ofTensors !== undefined)
    throw new SlipwayError('USAGE', `${ofTensors} is of models of tensors, which have no snapshot`, {
      next: 'leave one of the two out',
    })
  const { feed, output, class: counted } = options
  return {
    ...common,
    ...{ on, target, task },
    ...(feed !== undefined && { feed: Object.fromEntries(feed.map(feedIn)) }),
    ...(output !== undefined && { output }),
    ...(counted !== undefined && { class: counted }),
  }
}

/** `X=wind,temp_min`: one column by itself, several as a list. */
function feedIn(text: string): [input: string, columns: string | string[]] {
  const [input = '', columns = ''] = text.split('=')
  const names = columns.split(',').map((column) => column.trim())
  return [input, names.length === 1 ? (names[0] as string) : names]
}
