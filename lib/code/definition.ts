import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type BuildFailure, build } from 'esbuild'
import * as zod from 'zod'
import type { PipelineDefinition } from '../definition/builder.ts'
import * as slipway from '../definition/index.ts'
import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError, type SourcePlace } from '../formats/errors.ts'
import type { CodeRef, Plan } from '../formats/plan.ts'
import { bundleOptions, syntaxError } from './bundle.ts'
import { type UserCode, userCode } from './definition-faults.ts'
import { hostPackages } from './host.ts'
import { evaluateModule } from './load.ts'
import { nearest } from './nearest.ts'
import { slimMap } from './source-map.ts'

/** A pipeline's file, loaded: how its plan is made, and where each of the user's functions is exported. */
export interface LoadedDefinition {
  /**
   * Makes the plan. What the user's code throws meanwhile is an error of the definition, with its place.
   * @param codeOf says where a function's bundle is; `at` is where the definition names it
   */
  compile(codeOf: (userFunction: UserFunction, role: string, at: SourcePlace | undefined) => CodeRef): Plan
  /** To be waited for right after the first `compile`. @throws SlipwayError for a promise it left that fails */
  settled(): Promise<void>
  readonly exportsOf: ReadonlyMap<UserFunction, { file: string; name: string }>
  /** Files of the project that it reaches, from the project's folder. */
  readonly sources: readonly string[]
  /** Where each step of the plan that was made last is written. */
  readonly places: ReadonlyMap<string, SourcePlace>
}

/** Names of the pipelines of a project: folders of `pipelines/` with a `pipeline.ts`. */
export async function listPipelines(root: string): Promise<string[]> {
  const folders = await readdir(join(root, 'pipelines'), { withFileTypes: true }).catch(() => [])
  return folders
    .filter((folder) => folder.isDirectory() && isFile(definitionFile(root, folder.name)))
    .map(({ name }) => name)
}

const definitionFile = (root: string, name: string): string => join(root, 'pipelines', name, 'pipeline.ts')

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * Loads `pipelines/<name>/pipeline.ts`.
 * @throws SlipwayError PIPELINE_UNKNOWN, DEFINITION_SYNTAX, DEFINITION_INVALID
 */
export async function loadDefinition(root: string, name: string): Promise<LoadedDefinition> {
  const file = definitionFile(root, name)
  if (!isFile(file)) {
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
  const { text, map, files, top } = await bundleDefinition(root, file)
  const user = userCode(text, map, relative(root, file))
  const { definition, modules } = user.run(() => evaluateDefinition(text, user)) as {
    definition: PipelineDefinition | undefined
    modules: Record<string, unknown>[]
  }
  await user.settled()
  requireDefinition(definition, name, relative(root, file))
  const exportsOf = new Map<UserFunction, { file: string; name: string }>()
  modules.forEach((module, i) => {
    for (const [exported, value] of Object.entries(module)) {
      if (typeof value === 'function')
        exportsOf.set(value as UserFunction, { file: join(top, files[i] as string), name: exported })
    }
  })
  return {
    compile: (codeOf) =>
      user.run(() => definition.compile((userFunction, role) => codeOf(userFunction, role, user.here()))),
    settled: user.settled,
    exportsOf,
    sources: files,
    places: user.places,
  }
}

/** The definition and all it reaches as one text, the modules of the project as namespaces beside it. */
async function bundleDefinition(root: string, file: string) {
  const options = {
    ...(await bundleOptions(root)),
    minifyWhitespace: false,
    minifySyntax: false,
    metafile: true as const,
    write: false as const,
    sourcemap: 'external' as const,
    outfile: 'definition.js',
  }
  const top = options.absWorkingDir as string
  options.external = [...(options.external ?? []), ...hostPackages, 'slipway', 'slipway/dataframe']
  options.plugins = []
  const onFailure = (failure: BuildFailure) => {
    throw syntaxError(failure)
  }
  const first = await build({ ...options, entryPoints: [file] }).catch(onFailure)
  const files = Object.keys(first.metafile.inputs).filter((input) => !input.includes('node_modules/'))
  // The definition comes first, as when it is run: modules that import each other depend on the order.
  const contents = [
    `import * as entry from './${relative(root, file)}'`,
    ...files.map((input, i) => `import * as module${i} from './${input}'`),
    'export const definition = entry.default',
    `export const modules = [${files.map((_, i) => `module${i}`).join(', ')}]`,
  ].join('\n')
  const whole = await build({ ...options, stdin: { contents, resolveDir: top } }).catch(onFailure)
  const output = (end: string): string => whole.outputFiles.find(({ path }) => path.endsWith(end))?.text ?? ''
  return { text: output('.js'), map: slimMap(output('.map'), '(none)'), files, top }
}

function requireDefinition(
  definition: PipelineDefinition | undefined,
  name: string,
  file: string,
): asserts definition is PipelineDefinition {
  if (definition?.slipway !== 'pipeline/1') {
    const what = definition === undefined ? 'nothing as its default' : 'something else as its default'
    throw new SlipwayError('DEFINITION_INVALID', `${file} exports no pipeline: it exports ${what}`, {
      next: `export default pipeline('${name}', (p) => { … })`,
    })
  }
  if (definition.name !== name) {
    throw new SlipwayError('DEFINITION_INVALID', `${file} names its pipeline "${definition.name}"`, {
      next: `name it "${name}", as its folder`,
    })
  }
}

function evaluateDefinition(text: string, user: UserCode): unknown {
  return evaluateModule(text, user.filename, (name) => {
    if (name === 'slipway') return { ...slipway, pipeline: user.pipeline }
    if (name === 'zod') return zod
    // Planning needs to know which function it is, not to run it; danfojs would cost seconds.
    if (name === 'slipway/dataframe') return { dataframe: () => () => undefined }
    if (name === 'danfojs-node') return {}
    throw new SlipwayError('CODE_IMPURE', `the definition imports ${name}`, {
      next: 'definitions and feature functions use plain TypeScript, zod and danfojs only',
    })
  })
}
