import { SlipwayError } from '../../lib/formats/errors.ts'
import type { JsonOption } from '../options.ts'
import { packageArchive } from '../packages/archive.ts'
import { packageEdge } from '../packages/edge.ts'
import { packageFolder } from '../packages/folder.ts'
import { packageImage } from '../packages/image.ts'

export interface PackageOptions extends JsonOption {
  readonly edge?: string
  readonly folder?: string
  readonly sagemaker?: string
  readonly oci?: string
  readonly to?: string
  readonly channel?: string
  readonly probe?: string
  readonly parts?: string
}

/** What a model is packaged as, and who does it: each is asked for by the option of its name, with the model. */
const kinds = { edge: packageEdge, folder: packageFolder, sagemaker: packageArchive, oci: packageImage } as const

/** Options of one kind alone. */
const belongsTo = { channel: 'edge', probe: 'edge', parts: 'oci' } as const

/**
 * `package --edge flights`, `--folder`, `--sagemaker`, `--oci`.
 * @throws SlipwayError USAGE for none of them, and for several
 */
export async function packageModel(options: PackageOptions): Promise<number> {
  const [kind, another] = (Object.keys(kinds) as (keyof typeof kinds)[]).filter((name) => options[name] !== undefined)
  if (kind === undefined || another !== undefined)
    throw new SlipwayError(
      'USAGE',
      kind === undefined ? 'as what is it to be packaged?' : `--${kind} and --${another} are two packages`,
      {
        next: `give one of ${Object.keys(kinds)
          .map((name) => `--${name} <model>`)
          .join(', ')}`,
      },
    )
  for (const [only, of] of Object.entries(belongsTo))
    if (kind !== of && options[only as keyof typeof belongsTo] !== undefined)
      throw new SlipwayError('USAGE', `--${only} goes with --${of}`, { next: `leave --${only} out` })
  return kinds[kind]({ ...options, model: options[kind] as string })
}
