import { syncRefusals } from '../../client/sync-refusals.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface SyncOptions extends JsonOption {
  readonly group?: string
  readonly rollBack?: boolean
}

/**
 * `sagemaker sync loans`: takes in what people refused in SageMaker's registry after it was registered here. It is
 * rolled out no more; where it is in force that is said, and with `--roll-back` mended.
 * @returns 13 where something that was refused is in force still
 */
export async function sync(model: string, { json, ...wanted }: SyncOptions): Promise<number> {
  const synced = await syncRefusals(openContext(), model, wanted)
  const { groups, refused, notTaken, inForce, exitCode } = synced
  if (json === true) {
    printJson(synced)
    return exitCode
  }
  for (const { version, by, isNew } of refused)
    print(`${isNew ? 'taken in: ' : ''}${model} version ${version} was rejected by ${by}`)
  for (const line of notTaken) print(`not taken in: ${line}`)
  for (const { as, of, version, rolledBack, next } of inForce)
    print(
      rolledBack
        ? `  rolled back: version ${version} was ${as} of ${of}`
        : `  STILL IN FORCE: version ${version} is ${as} of ${of}; ${next}`,
    )
  if (refused.length === 0) print(`${model}: nothing that is registered here was refused in ${groups.join(', ')}`)
  return exitCode
}
