/**
 * Pages whose commands `test/integration/docs-commands.test.ts` carries out, word for word, those of an inner list one
 * after the other in one folder. Those of README.md below its first block are carried out by
 * `test/integration/readme.test.ts`.
 */
export const foldersOfPages: readonly (readonly [string, ...string[]])[] = [
  ['README.md'],
  ['docs/start/first-pipeline.md'],
  [
    'docs/batch.md',
    'docs/ci.md',
    'docs/client.md',
    'docs/python.md',
    'docs/container.md',
    'docs/definition.md',
    'docs/console.md',
  ],
]

export const carriedOut: readonly string[] = foldersOfPages.flat()
