import { SlipwayError } from '../../lib/formats/errors.ts'

interface Manifest {
  readonly type?: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** What a project needs to be there, by the ranges that Slipway itself is tested with. */
export interface Needed {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** What npm writes for a script that nobody wrote. */
const noTest = 'echo "Error: no test specified" && exit 1'

/** A package.json as a text, `undefined` where there is none. @throws SlipwayError USAGE */
export function readManifest(text: string | undefined): Manifest | undefined {
  if (text === undefined) return undefined
  try {
    const manifest: unknown = JSON.parse(text)
    if (typeof manifest === 'object' && manifest !== null && !Array.isArray(manifest)) return manifest
  } catch {
    // Said below.
  }
  throw new SlipwayError('USAGE', 'package.json is no JSON object', { next: 'correct it, and run this again' })
}

/**
 * A package.json with what a project of Slipway's needs besides: what is there stays as it is, to the order of its
 * keys.
 * @param checks folder of the tsconfig.json
 * @returns the text, and the name of the script that checks types
 * @throws SlipwayError USAGE where it has a zod that schemas cannot be written with
 */
export function withNeeded(
  text: string | undefined,
  name: string,
  needed: Needed,
  checks: string,
): { readonly text: string; readonly check: string } {
  const manifest = readManifest(text)
  const known = { ...manifest?.devDependencies, ...manifest?.dependencies }
  const zod = /\d+/.exec(known.zod ?? '')?.[0]
  if (zod !== undefined && Number(zod) < 4)
    throw new SlipwayError('USAGE', `package.json has zod ${known.zod}, and schemas are written with zod 4`, {
      next: 'npm install zod@4, and run this again',
    })
  const missing = (of: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(of).filter(([each]) => known[each] === undefined))
  const [dependencies, devDependencies] = [missing(needed.dependencies), missing(needed.devDependencies)]
  const scripts: Record<string, string> = { ...manifest?.scripts }
  if (scripts.test === undefined || scripts.test === noTest) scripts.test = 'vitest run'
  const command = `tsc -p ${checks}`
  const check = scripts.check === undefined || scripts.check === command ? 'check' : 'check:pipelines'
  scripts[check] ??= command
  const whole = {
    ...(manifest ?? { name, private: true, type: 'module' }),
    scripts,
    dependencies: sorted({ ...manifest?.dependencies, ...dependencies }),
    devDependencies: sorted({ ...manifest?.devDependencies, ...devDependencies }),
  }
  const indent = /^[{]\r?\n([ \t]+)/.exec(text ?? '')?.[1] ?? '  '
  return {
    text: `${JSON.stringify(whole, null, indent)}\n`,
    check,
  }
}

const sorted = (of: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)))
