import { type Targets, targetsOf } from '../targets/targets.ts'
import { loadConfiguration } from './configuration.ts'
import type { Tools } from './extension.ts'

/** The adapters that a process knows for each port: Slipway's own, and those of the project's configuration. */
export interface Adapters {
  readonly targets: Targets
}

/**
 * Loads a project's configuration and puts its adapters beside Slipway's own.
 * @throws SlipwayError DEFINITION_SYNTAX, DEFINITION_INVALID: also where two adapters go by one name
 */
export async function adaptersOf(root: string, tools: Tools): Promise<Adapters> {
  const { configuration } = await loadConfiguration(root)
  return {
    targets: targetsOf(
      tools.store,
      configuration.extend.flatMap((extension) => (extension.extends === 'target' ? extension.make(tools) : [])),
    ),
  }
}
