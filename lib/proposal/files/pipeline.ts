import type { Proposal } from '../propose.ts'
import { seed } from '../split.ts'
import type { Template } from '../templates.ts'
import { literal } from '../words.ts'
import { commentOf, isTurned } from './schema.ts'

/** `pipeline.ts`: the model's life. */
export function pipelineFile(proposal: Proposal, template: Template, model?: string): string {
  const { name, source, table, target, split, maxBadRows } = proposal
  const { task, column, positive } = target
  const turned = isTurned(proposal)
  const learner = learnerOf(proposal, template, model)
  const [metric, least, notWorse] = gatesOf(proposal)
  const serves = template !== 'batch'
  const imports = [
    ...new Set([
      metric,
      ...(notWorse[0] === metric ? [] : [notWorse[0]]),
      task,
      learner.name,
      'pipeline',
      ...(serves ? ['psi'] : []),
    ]),
  ].sort()
  const options = [
    `from: ${literal(table.from)}`,
    `schema: ${turned ? 'RawRow' : 'Row'}`,
    ...(table.format === 'csv' && table.delimiter !== (/\.tsv(\.|$)/.test(table.from) ? '\t' : ',')
      ? [`delimiter: ${literal(table.delimiter)}`]
      : []),
    ...(table.header ? [] : ['header: false']),
    ...(table.na.length > 0 ? [`na: [${table.na.map(literal).join(', ')}]`] : []),
  ]
  const checks = maxBadRows > 0 ? `, { maxBadRows: ${maxBadRows} }` : ''
  return `import { ${imports.join(', ')} } from 'slipway'
import { features${positive === undefined ? '' : ', target'} } from './features.ts'
import { ${turned ? 'RawRow, ' : ''}Row } from './schema.ts'

${commentOf(`Predicts ${JSON.stringify(column.name)} from the rows of ${table.from}.`).join('\n')}
export default pipeline(${literal(name)}, (p) => {
  const ${turned ? 'raw' : 'rows'} = p.snapshot(${literal(source)}, { ${options.join(', ')} })
${turned ? sqlOf(proposal) : ''}${maxBadRows > 0 ? '  // Rows that break the schema are set aside with their reasons, up to this share; beyond, the run ends.\n' : ''}  const checked = p.validate(rows${checks})
${comment(`Judged ${split.why}.`)}
  const parts = p.split(checked, ${split.rule})
  const model = p.train('model', {
    on: parts,
    features,
    target: ${task}(${literal(column.name)}${positive === undefined ? '' : ', target'}),
    learner: ${learner.call},
    seed: ${seed},
  })
  const candidate = p.package(model)
  // Better than guessing, and no worse than the version in force on the same rows: ask for more when you know more.
  p.gate(candidate, {
    on: parts.test,
    must: [${metric}.atLeast(${least}), ${notWorse[0]}.notWorseThan('champion', ${notWorse[1]})],
  })
${serves ? servedAs(name) : batched(name)}})
`
}

const comment = (text: string): string => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + word.length > 110) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines.map((line) => `  // ${line}`).join('\n')
}

const servedAs = (
  name: string,
): string => `  // All requests at once go to a version that passed. With traffic, let it take over step by step instead:
  // canary: { steps: [5, 25, 50], watch: [errors.notWorseBy(0.01)] }
  const live = p.deploy(candidate, { endpoint: ${literal(name)}, allAtOnce: true })
  p.monitor(live, { every: '1d', drift: psi.over(0.2).for(2) })
`
const batched = (name: string): string => `  // Nothing is served: tables are scored whole, by
  // npx slipway batch score ${name} --from data/new.csv --to scored/
`

/** The step that turns texts into dates and numbers. */
function sqlOf({ columns }: Proposal): string {
  const quoted = (column: string): string => `"${column.replaceAll('"', '""')}"`
  const selected = columns.map(({ profile, convert }) =>
    convert === undefined ? quoted(profile.name) : `${convert} AS ${quoted(profile.name)}`,
  )
  const sql = `SELECT\n${selected.map((each) => `      ${each}`).join(',\n')}\n    FROM raw`
  const inTemplate = sql.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')
  return `  // Dates and numbers that the file has as texts. One that does not read so is null, and its row is set aside.
  const rows = p.table('rows', {
    from: { raw },
    sql: \`${inTemplate}\`,
    schema: Row,
  })
`
}

function gatesOf({ table, target }: Proposal): [string, string, [string, string]] {
  // Few rows prove little: without some room a candidate that is as good would be thrown out.
  const isFew = table.looked < 25_000
  if (target.task === 'binary') return ['auc', '0.5', ['auc', `{ by: ${isFew ? 0.03 : 0.01} }`]]
  if (target.task === 'regression') return ['r2', '0', ['rmse', `{ byShare: ${isFew ? 0.05 : 0.01} }`]]
  const guessed = Math.floor(target.mostFrequent * 100) / 100
  return ['accuracy', String(guessed), ['logLoss', `{ byShare: ${isFew ? 0.05 : 0.01} }`]]
}

function learnerOf({ table }: Proposal, template: Template, model?: string): { name: string; call: string } {
  if (template === 'python')
    return {
      name: 'program',
      call: "program({ command: ['python', 'train.py'], folder: './trainers/sklearn', environment: 'pip' })",
    }
  if (model !== undefined) return { name: 'onnx', call: `onnx(${literal(model)})` }
  // Few rows grow small trees.
  const small = table.looked < 2_000 ? 'leaves: 7, minRowsPerLeaf: 5, ' : ''
  return { name: 'trees', call: `trees({ trees: 200, ${small}learningRate: 0.1, earlyStopping: 20 })` }
}
