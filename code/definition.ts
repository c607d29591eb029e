import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type BuildFailure, build } from 'esbuild'
import * as zod from 'zod'
import type { PipelineDefinition, UserFunction } from '../pipelines/builder.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import * as slipway from '../pipelines/index.ts'
import { bundleOptions, syntaxError } from './bundle.ts'
import { hostPackages, packageRoot } from './host.ts'
import { evaluateModule } from './load.ts'
import { nearest } from './nearest.ts'

/** A pipeline's file, loaded: the definition, and where each of the user's functions is exported. */
export interface LoadedDefinition {
  readonly definition: PipelineDefinition
  readonly exportsOf: ReadonlyMap<UserFunction, { file: string; name: string }>
}

/** Names of the pipelines of a project: folders of `pipelines/` with a `pipeline.ts`. */
export async function listPipelines(root: string): Promise<string[]> {
  const folders = await readdir(join(root, 'pipelines'), { withFileTypes: true }).catch(() => [])
  return folders
    .filter((folder) => folder.isDirectory() && existsSync(definitionFile(root, folder.name)))
    .map(({ name }) => name)
}

const definitionFile = (root: string, name: string): string => join(root, 'pipelines', name, 'pipeline.ts')

/**
 * Loads `pipelines/<name>/pipeline.ts`.
 * @throws SlipwayError PIPELINE_UNKNOWN, DEFINITION_SYNTAX, DEFINITION_INVALID
 */
export async function loadDefinition(root: string, name: string): Promise<LoadedDefinition> {
  const file = definitionFile(root, name)
  if (!existsSync(file)) {
    const known = await listPipelines(root)
    const meant = nearest(name, known)
    throw new SlipwayError(
      'PIPELINE_UNKNOWN',
      `there is no pipeline "${name}" in ${join(root, 'pipelines')}; there ${known.length === 0 ? 'are none' : `${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`}`,
      {
        next: meant === undefined ? `write pipelines/${name}/pipeline.ts` : `did you mean "${meant}"?`,
      },
    )
  }
  const options = {
    ...(await bundleOptions(root)),
    minifyWhitespace: false,
    minifySyntax: false,
    metafile: true as const,
    write: false as const,
  }
  options.external = [...(options.external ?? []), ...hostPackages, 'slipway', 'slipway/dataframe']
  options.plugins = []
  const onFailure = (failure: BuildFailure) => {
    throw syntaxError(failure)
  }
  const first = await build({ ...options, entryPoints: [file], outfile: 'definition.js' }).catch(onFailure)
  const files = Object.keys(first.metafile.inputs).filter((input) => !input.includes('node_modules/'))
  const importAll = files.map((input, i) => `import * as module${i} from './${input}'`)
  const contents = `${importAll.join('\n')}\nexport { default as definition } from './${relative(root, file)}'\nexport const modules = [${files.map((_, i) => `module${i}`).join(', ')}]`
  const whole = await build({
    ...options,
    stdin: { contents, resolveDir: options.absWorkingDir as string },
    outfile: 'definition.js',
  }).catch(onFailure)
  const text = whole.outputFiles[0]?.text ?? ''
  const { definition, modules } = evaluateDefinition(text, relative(root, file)) as {
    definition: PipelineDefinition
    modules: Record<string, unknown>[]
  }
  if (definition?.slipway !== 'pipeline/1') {
    throw new SlipwayError('DEFINITION_INVALID', `${relative(root, file)} exports no pipeline`, {
      next: `export default pipeline('${name}', (p) => { … })`,
    })
  }
  if (definition.name !== name) {
    throw new SlipwayError('DEFINITION_INVALID', `${relative(root, file)} names its pipeline "${definition.name}"`, {
      next: `name it "${name}", as its folder`,
    })
  }
  const exportsOf = new Map<UserFunction, { file: string; name: string }>()
  modules.forEach((module, i) => {
    for (const [exported, value] of Object.entries(module)) {
      if (typeof value === 'function')
        exportsOf.set(value as UserFunction, {
          file: join(options.absWorkingDir as string, files[i] as string),
          name: exported,
        })
    }
  })
  return { definition, exportsOf }
}

function evaluateDefinition(text: string, file: string): unknown {
  try {
    return evaluateModule(text, join(dirname(packageRoot), file), (name) => {
      if (name === 'slipway') return slipway
      if (name === 'zod') return zod
      // Planning needs to know which function it is, not to run it; danfojs would cost seconds.
      if (name === 'slipway/dataframe') return { dataframe: () => () => undefined }
      if (name === 'danfojs-node') return {}
      throw new SlipwayError('CODE_IMPURE', `${file} imports ${name}`, {
        next: 'definitions and feature functions use plain TypeScript, zod and danfojs only',
      })
    })
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    throw new SlipwayError(
      'DEFINITION_INVALID',
      `${file} fails when it is loaded: ${(error as Error).message}`,
      {},
      { cause: error },
    )
  }
}
