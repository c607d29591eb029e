import { readFile } from 'node:fs/promises'
import type { PlannedPipeline } from '../lib/code/plan.ts'
import { requireStoredCode } from '../lib/code/stored-code.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { unpackPlan } from '../lib/formats/stored-plan.ts'
import type { PackageSource } from '../lib/models/package.ts'

/**
 * Reads a plan that `export` wrote.
 * @param pipeline that it must be of, where that is said
 * @throws SlipwayError USAGE where the file holds no plan, or one of another pipeline
 */
export async function readExported(file: string, pipeline: string | undefined): Promise<Plan> {
  const plan = planIn(file, await readFile(file, 'utf8'))
  if (pipeline === undefined || pipeline === plan.pipeline) return plan
  throw new SlipwayError('USAGE', `--plan ${file}: that is a plan of ${plan.pipeline}, not of ${pipeline}`, {
    next: `slipway run --plan ${file}`,
  })
}

function planIn(file: string, text: string): Plan {
  try {
    return unpackPlan(JSON.parse(text))
  } catch (error) {
    const [why] = (error as Error).message.split('\n')
    throw new SlipwayError('USAGE', `--plan ${file} holds no plan: ${why}`, {
      next: 'slipway export plan <run> --output plan.json writes one',
    })
  }
}

/**
 * A plan that is run as it is: its code is in the store.
 * @throws SlipwayError NOT_FOUND, SIGNATURE_INVALID, DIGEST_MISMATCH
 */
export async function storedPlan(source: PackageSource, plan: Plan): Promise<PlannedPipeline> {
  await requireStoredCode(source, plan)
  return { plan, bundles: new Map(), sources: [] }
}
