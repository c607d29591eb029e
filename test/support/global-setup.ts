import { ensureBuilt } from '../../scripts/build.mjs'
import { findSeaweed, findTemporal, fromPython, testServerPackage } from '../../workers/platform/binaries.ts'
import { cacheHome } from '../../workers/settings.ts'
import { keepSharedStore } from './servers.ts'

/**
 * What tests start must be built, and the servers they start must be there.
 * @returns what ends the server they share
 */
export default async function setup(): Promise<() => Promise<void>> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const say = (what: string): void => console.log(`  ${what}`)
  await ensureBuilt()
  await findTemporal(cacheHome(), say)
  await findSeaweed(cacheHome(), say)
  await fromPython(cacheHome(), testServerPackage, say)
  // Of all projects of a run the first one's.
  return process.env.SLIPWAY_TEST_STORE === undefined ? keepSharedStore() : async () => {}
}
