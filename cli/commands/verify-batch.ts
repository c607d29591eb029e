import type { StoreContext } from '../../client/context.ts'
import { verifyPublished } from '../../client/verify-batch.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { exitCodes } from '../../lib/formats/errors.ts'
import { colors } from '../colors.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'
import { progressView } from '../progress.ts'

/**
 * `verify flights/nightly/2001-06-01`, or the folder a batch was written to: whether it is what its manifest says, and
 * some of it scored anew.
 * @returns 16 when something does not match
 */
export async function verifyAndShow(context: StoreContext, what: string, options: JsonOption): Promise<number> {
  const view = progressView()
  const { batch, generation, manifest, passed, checks } = await verifyPublished(context, what, (doing, done) =>
    view.working('verify', doing, done),
  ).finally(() => view.end())
  if (options.json === true) printJson({ batch, manifest, passed, checks })
  else {
    print(`${batch}, generation ${generation}, manifest ${shortDigest(manifest)}`)
    for (const { check, passed: isGood, evidence } of checks)
      print(`  ${isGood ? colors.green('✓') : colors.red('✗')} ${check.padEnd(24)} ${evidence}`)
  }
  return passed ? exitCodes.done : exitCodes.verification
}
