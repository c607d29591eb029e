/**
 * Pages whose commands `test/integration/docs-commands.test.ts` carries out, word for word; those of README.md below
 * its first block are carried out by `test/integration/readme.test.ts`.
 */
export const carriedOut: readonly string[] = ['README.md', 'docs/start/first-pipeline.md', 'docs/batch.md']
