import type { Declarations, Declared } from './declarations.ts'
import { typesIn } from './declarations.ts'
import { docText, paragraph, table } from './reference-text.ts'
import { schemaOf } from './schemas.ts'

/** Where the values of `slipway` stand, and what they are for. */
const sections: Readonly<Record<string, string>> = {
  'lib/definition/builder.ts': 'A pipeline',
  'lib/definition/target.ts': 'Targets',
  'lib/definition/learners.ts': 'Learners',
  'lib/definition/tuning.ts': 'Tuning',
  'lib/definition/gates.ts': 'Metrics, gates and quality rules',
  'lib/definition/own-measures.ts': 'Measures of your own',
  'lib/definition/deploy.ts': 'What rollouts watch',
  'lib/definition/lookup.ts': 'Lookups',
  'lib/definition/monitor.ts': 'Drift measures and monitors',
  'lib/definition/hosting.ts': 'SageMaker',
  'lib/definition/processing.ts': 'SageMaker',
  'lib/definition/registry.ts': 'SageMaker',
  'lib/definition/transform.ts': 'SageMaker',
  'lib/definition/dataframe.ts': 'DataFrames: slipway/dataframe',
}

export const definitionEntries = ['lib/definition/index.ts', 'lib/definition/dataframe.ts']

/** `docs/reference/definition.md`: all that a definition may import, and the types that it meets. */
export function definitionReference(root: string, all: Declarations): string {
  const exported = definitionEntries.flatMap((file) => all.exportsOf(file))
  const values = exported.filter(({ isType }) => !isType)
  const titles = [...new Set(Object.values(sections))]
  const untold = values.find(({ file }) => sections[file] === undefined)
  if (untold !== undefined) throw new Error(`scripts/docs/definition-reference.ts has no section for ${untold.file}`)
  const builder = exported.find(({ name }) => name === 'Builder') as Declared
  const texts = titles.map((title) => {
    const steps = title === 'A pipeline' ? all.methodsOf(builder).map((each) => entryOf(each, `p.${each.name}`)) : []
    const own = values.filter(({ file }) => sections[file] === title).map((each) => entryOf(each))
    return [`## ${title}`, ...own, ...steps].join('\n\n')
  })
  const types = typesOf(all, exported).filter(({ name }) => name !== 'Builder')
  return `# What a definition may say

${paragraph(
  'Every function and type of `slipway`, written by `npm run docs` from its declarations and their comments. How they',
  'are used is in [the guide to definitions](../definition.md).',
)}

${texts.join('\n\n')}

## Types

${types.map((each) => typeText(root, each)).join('\n\n')}
`
}

/** Other entries of the package, for those who extend and test. */
export const otherEntries: Readonly<Record<string, string>> = {
  'slipway/testing': 'testing/index.ts',
  'slipway/extend': 'lib/extensions/extension.ts',
  'slipway/contract-tests': 'test/contracts/index.ts',
}

/** `docs/reference/extend.md`. */
export function extensionReference(root: string, all: Declarations): string {
  const texts = Object.entries(otherEntries).map(([entry, file]) => {
    const exported = all.exportsOf(file)
    const [types, values] = [true, false].map((isType) => exported.filter((each) => each.isType === isType))
    const told = [...(values ?? []).map((each) => entryOf(each)), ...(types ?? []).map((each) => typeText(root, each))]
    return [`## ${entry}`, ...told].join('\n\n')
  })
  return `# Testing and extending

${paragraph(
  'What tests and adapters of your own may import besides definitions, written by `npm run docs`. How they are used is in',
  '[the guide to extending](../extending.md).',
)}

${texts.join('\n\n')}
`
}

/** Exported types, and those of the same room that they and the values mention. */
function typesOf(all: Declarations, exported: readonly Declared[]): Declared[] {
  const met = new Map<string, Declared>()
  const meet = (declared: Declared): void => {
    for (const name of typesIn(declared.node)) {
      const found = all.find(declared.file, name)
      const isOfDefinitions = found !== undefined && /^lib\/(definition|formats)\//.test(found.file)
      if (!isOfDefinitions || met.has(found.name) || !isTold(found)) continue
      met.set(found.name, found)
      if (found.file.startsWith('lib/definition/')) meet(found)
    }
  }
  for (const each of exported) if (each.isType) met.set(each.name, each)
  for (const each of exported) meet(each)
  return [...met.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Types of definitions; of what is stored, the schemas that options are made from. */
const isTold = ({ file, isType, text }: Declared): boolean =>
  file.startsWith('lib/definition/') ? isType : !isType && /^const \w+: z\.ZodObject</.test(text)

/** A declaration under its name, with its words. */
export const entryOf = (declared: Declared, title = declared.name): string =>
  [`### ${title}`, docText(declared.doc), block(declared.text)].filter((text) => text !== '').join('\n\n')

/** A type; of a schema a table of its properties. */
export function typeText(root: string, declared: Declared): string {
  const schema = schemaOf(root, declared)
  if (schema === undefined) return entryOf(declared)
  const rows = schema.filter(({ name }) => name !== 'kind').map(({ name, says, doc }) => [`\`${name}\``, says, doc])
  return [`### ${declared.name}`, docText(declared.doc), table(['property', 'what it may be', 'what it means'], rows)]
    .filter((text) => text !== '')
    .join('\n\n')
}

const block = (text: string): string => `\`\`\`ts\n${text}\n\`\`\``
