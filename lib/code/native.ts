import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SlipwayError } from '../formats/errors.ts'
import { packageFolder } from './host.ts'
import { nativePackages, type PackageOfBinaries, packageFor } from './native-packages.ts'

const requireHere = createRequire(import.meta.url)
const system = `${process.platform}-${process.arch}`

/**
 * The binary of a package for this system: of Slipway's package for it, or of the package of all systems where that is
 * installed, as in Slipway's own repository.
 * @throws SlipwayError ENVIRONMENT_FAILED
 */
export function nativeFile(of: PackageOfBinaries): string {
  return join(nativeFolder(of, system), nativePackages[of].main)
}

/** The binary, loaded. @throws SlipwayError ENVIRONMENT_FAILED */
export const requireNative = (of: PackageOfBinaries): unknown => requireHere(nativeFile(of))

/** Where the binary for a system lies, and what it is linked against. @throws SlipwayError ENVIRONMENT_FAILED */
export function nativeFolder(of: PackageOfBinaries, wanted: string): string {
  const { version, folders } = nativePackages[of]
  const inside = (folders as Readonly<Record<string, string>>)[wanted]
  if (inside === undefined)
    throw new SlipwayError('ENVIRONMENT_FAILED', `${of} has no binary for ${wanted}`, {
      next: `use one of ${Object.keys(folders).join(', ')}`,
    })
  const own = packageFolder(packageFor(of, wanted))
  if (own !== undefined) return own
  const whole = packageFolder(of)
  if (whole !== undefined) return join(whole, inside)
  const foreign = wanted === system ? '' : ' --force'
  throw new SlipwayError('ENVIRONMENT_FAILED', `the binary of ${of} for ${wanted} is not installed`, {
    next: `npm install${foreign} ${packageFor(of, wanted)}@${version} (npm leaves it out with --omit=optional)`,
  })
}
