import { registeredVersion, registeredVersions } from '../../client/model-version.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { openStoreContext } from '../context.ts'
import type { JsonOption } from '../options.ts'

export interface VerifyOptions extends JsonOption {
  readonly all?: boolean
  readonly commit?: boolean
  readonly tolerance?: string
  readonly trainAgain?: boolean
}

/**
 * `verify flights@3`: makes the version again from what it was made from. `verify flights/nightly/2001-06-01`, or the
 * folder a batch was written to: whether it is what its manifest says, and some of it scored anew.
 * @returns 16 when something does not match
 */
export async function verify(what: string | undefined, options: VerifyOptions): Promise<number> {
  const context = openStoreContext()
  const { store } = context
  const { all, commit, tolerance, trainAgain } = options
  if (all === true && trainAgain === true)
    throw new SlipwayError('USAGE', '--train-again costs, and is about one version at a time', {
      next: 'slipway verify flights@3 --train-again',
    })
  if (what === undefined && all !== true)
    throw new SlipwayError('USAGE', 'verify needs a model or a batch', {
      next: 'slipway verify flights@3, slipway verify flights/nightly/2001-06-01, or slipway verify --all',
    })
  const version = what === undefined ? undefined : await registeredVersion(store, what)
  if (what !== undefined && version === undefined) {
    if (all === true || commit === true || tolerance !== undefined || trainAgain === true)
      throw new SlipwayError(
        'USAGE',
        `--all, --commit, --tolerance and --train-again are about models, and "${what}" is none`,
        {
          next: 'see `slipway models`',
        },
      )
    return (await import('./verify-batch.ts')).verifyAndShow(context, what, options)
  }
  const { verifyModels } = await import('./verify-models.ts')
  if (all !== true) return verifyModels(context, version as ModelVersion, options)
  return verifyModels(context, await registeredVersions(store, version?.model), options)
}
