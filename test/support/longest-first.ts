import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Seconds a file took when that was last recorded, by its path from the root of the repository. */
export type Durations = Readonly<Record<string, number>>

export const durationsFile = new URL('../durations.json', import.meta.url)
export const readDurations = (): Durations => JSON.parse(readFileSync(durationsFile, 'utf8'))

/**
 * Longest files first, whichever project they belong to: then no core is idle at the end for one long file. Files that
 * share their modules come last and together, for only then is a worker used again.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const durations = readDurations()
    const known = ({ moduleId }: TestSpecification): number =>
      durations[relative(this.ctx.config.root, moduleId)] ?? Number.POSITIVE_INFINITY
    const isShared = ({ project }: TestSpecification): number => (project.config.isolate ? 0 : 1)
    return [...files].sort((a, b) => isShared(a) - isShared(b) || known(b) - known(a) || 0)
  }
}
