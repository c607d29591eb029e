import type { Proposal } from '../../lib/proposal/propose.ts'
import type { Template } from '../../lib/proposal/templates.ts'
import type { Manager } from './managers.ts'

/** tsconfig.json of a project: as strict as definitions are meant to be checked. @param include globs of its folder */
export const tsconfig = (include: readonly string[]): string =>
  `${JSON.stringify(
    {
      compilerOptions: {
        target: 'es2023',
        lib: ['es2023'],
        module: 'nodenext',
        types: ['node'],
        strict: true,
        noUncheckedIndexedAccess: true,
        exactOptionalPropertyTypes: true,
        verbatimModuleSyntax: true,
        erasableSyntaxOnly: true,
        allowImportingTsExtensions: true,
        resolveJsonModule: true,
        skipLibCheck: true,
        noEmit: true,
      },
      include,
    },
    null,
    2,
  )}\n`

/** What git is not to keep: the platform's data with its signing key, and secrets. */
const ignored = ['node_modules/', '.slipway/', '.env', '*.pem', '*.key']

/** A .gitignore with these lines besides its own. @param more for example the folder that data was copied to */
export function gitignore(text: string | undefined, more: readonly string[]): string {
  const lines = (text ?? '').split(/\r?\n/).map((line) => line.trim().replace(/^\/|\/$/g, ''))
  const missing = [...ignored, ...more].filter((line) => !lines.includes(line.replace(/\/$/, '')))
  if (missing.length === 0) return text ?? ''
  const before = text === undefined || text === '' ? '' : text.endsWith('\n') ? text : `${text}\n`
  return `${before}${missing.join('\n')}\n`
}

/** A workflow for GitHub that does what `npm test` does, on every push. @param check the script that checks types */
export const workflow = (manager: Manager, check: string): string => `name: pipelines
on: [push, pull_request]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-node@v5
        with:
          node-version: 24
      - run: ${manager.ci}
      - run: ${manager.name} run ${check}
      - run: ${manager.name} test
`

/** README.md of a project. */
export function readme(title: string, proposal: Proposal, template: Template, manager: Manager): string {
  const { name, table, target } = proposal
  const run = manager.run
  const isOther = table.format === 'csv' && table.delimiter !== ',' && table.delimiter !== '\t'
  const parted = isOther ? ` --delimiter '${table.delimiter}'` : ''
  const ask =
    template === 'batch'
      ? `${run} slipway batch score ${name} --from ${table.from}${parted} --to scored/   # a whole table of predictions`
      : `${run} slipway rollout status ${name}       # what is served, and where`
  return `# ${title}

[\`pipelines/${name}\`](pipelines/${name}/pipeline.ts) predicts \`${target.column.name.replaceAll('`', "'")}\` from the rows of
\`${table.from.replaceAll('`', "'")}\`, by [Slipway](https://www.npmjs.com/package/slipway).

\`\`\`sh
${manager.name} install
${manager.name} test                              # the features and the whole pipeline, on made-up rows
${run} slipway up --detach              # Temporal, S3, a worker and a gateway, on this machine
${run} slipway run ${name} --wait       # trains, judges and registers a version
${run} slipway open ${name}             # how good it is
${ask}
${run} slipway down
\`\`\`

| file | what |
| --- | --- |
| \`pipelines/${name}/schema.ts\` | what a row must be; what breaks it is set aside, or refused by the endpoint |
| \`pipelines/${name}/features.ts\` | what the model sees of a row |
| \`pipelines/${name}/pipeline.ts\` | the model's life: split, training, gates${template === 'batch' ? '' : ', endpoint, monitor'} |
| \`pipelines/${name}/pipeline.test.ts\`, \`rows.json\` | tests, and the made-up rows that they use |

The schema, the split and the features were guessed from the table; the comments say by what. Python 3 with pip has to
be there for \`slipway up\`: its packages bring the servers.
`
}
