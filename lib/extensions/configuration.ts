import { existsSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { type BuildFailure, build } from 'esbuild'
import * as zod from 'zod'
import { bundleOptions, syntaxError } from '../code/bundle.ts'
import { evaluateModule } from '../code/load.ts'
import * as slipway from '../definition/index.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOf } from '../store/digest.ts'
import * as extend from './extension.ts'

/** The file that a project's configuration is in, at its root. */
export const configurationFile = 'slipway.config.ts'

/** A project's configuration, loaded. */
export interface Loaded {
  readonly configuration: extend.Configuration
  /**
   * Names the code it consists of, comments and names of files left out; null where a project has none. It is in the
   * keys of steps that an extension carries out.
   */
  readonly digest: string | null
}

const nothing: Loaded = { configuration: { extend: [] }, digest: null }

/**
 * Loads `slipway.config.ts` of a project. It is run with the rights of the process that loads it, as its own code is:
 * it belongs to whoever runs the platform, and no pipeline, plan or request can name another one.
 * @throws SlipwayError DEFINITION_SYNTAX with file and line, DEFINITION_INVALID
 */
export async function loadConfiguration(root: string): Promise<Loaded> {
  const file = join(root, configurationFile)
  if (!existsSync(file)) return nothing
  const code = await bundled(root, file)
  const exported = evaluated(root, file, code)
  const parsed = extend.Configuration.safeParse(exported)
  if (parsed.success) return { configuration: parsed.data, digest: digestOf(code) }
  const [issue] = parsed.error.issues
  const where = issue?.path.length ? ` ${issue.path.join('.')}:` : ''
  throw new SlipwayError('DEFINITION_INVALID', `${configurationFile}:${where} ${issue?.message}`, {
    next: "export default defineConfig({ extend: [ … ] }), with defineConfig from 'slipway/extend'",
  })
}

/** What a configuration may import besides its own files: packages stay packages, and Slipway is the one that runs. */
const host: Readonly<Record<string, unknown>> = { slipway, 'slipway/extend': extend, zod }

async function bundled(root: string, file: string): Promise<string> {
  const options = await bundleOptions(root)
  const { outputFiles } = await build({
    ...options,
    // No lint and no taking apart: it is not user code that travels with a model.
    plugins: [],
    packages: 'external',
    external: [...(options.external ?? []), ...Object.keys(host)],
    entryPoints: [file],
    write: false,
    outfile: 'configuration.js',
  }).catch((failure: BuildFailure) => {
    throw syntaxError(failure)
  })
  return outputFiles[0]?.text ?? ''
}

function evaluated(root: string, file: string, code: string): unknown {
  const requireThere = createRequire(file)
  const require = (name: string): unknown => {
    if (Object.hasOwn(host, name)) return host[name]
    const isBuiltIn = name.startsWith('node:') || builtinModules.includes(name)
    try {
      return requireThere(name)
    } catch (error) {
      if (isBuiltIn || (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
      throw new SlipwayError('DEFINITION_INVALID', `${configurationFile} imports ${name}, which is not installed`, {
        next: `npm install ${name}, where workers and gateways run too`,
      })
    }
  }
  try {
    return (evaluateModule(code, relative(root, file), require) as { default?: unknown }).default
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `${configurationFile} throws when it is loaded: ${(error as Error).message}`,
      {
        next: 'mend what its modules do at their top',
      },
    )
  }
}
