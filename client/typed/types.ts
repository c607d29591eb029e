import { rulesOf } from '../../lib/definition/contract/rules.ts'
import { ruleInWords } from '../../lib/definition/contract/words.ts'
import { decisionOutput } from '../../lib/formats/decisions.ts'
import type { ColumnRule, RowSchema } from '../../lib/formats/row-schema.ts'
import { type DatatypeName, shapeInWords, type TensorSpec } from '../../lib/formats/tensors.ts'
import type { EndpointContract } from './contract.ts'

type RowContract = EndpointContract & { readonly kind: 'rows' }
type TensorContract = EndpointContract & { readonly kind: 'tensors' }

/** What a column may hold in a request. JSON has no times, and no whole numbers of any size. */
const typeOf: Readonly<Record<ColumnRule['type'], string>> = {
  number: 'number',
  integer: 'number',
  bigint: 'number | string',
  boolean: 'boolean',
  string: 'string',
  timestamp: 'string | number | Date',
}

/** What a type does not say of a column. */
const said: Readonly<Partial<Record<ColumnRule['type'], string>>> = {
  bigint: 'a whole number; past 2^53 its digits',
  timestamp: 'a time: ISO 8601, or milliseconds since 1970',
}

/** A text as TypeScript writes it. */
export const literal = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name))

/** A comment that ends where it is meant to. */
const comment = (text: string): string => `/** ${text.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ')} */`

export function rowType(name: string, row: RowSchema): string {
  const lines = row.flatMap((column) => {
    const { enum: values, nullable, type } = column
    const own = values === undefined ? typeOf[type] : values.map((value) => valueType(value)).join(' | ')
    const rules = rulesOf(column).flatMap((rule) =>
      rule.kind === 'finite' || rule.kind === 'safe' || rule.kind === 'oneOf' ? [] : [ruleInWords(rule, type)],
    )
    const words = [...(said[type] === undefined ? [] : [said[type]]), ...rules]
    return [
      ...(words.length === 0 ? [] : [`  ${comment(words.join(', '))}`]),
      `  readonly ${key(column.name)}${nullable ? '?' : ''}: ${own}${nullable ? ' | null' : ''}`,
    ]
  })
  return ['/** A row as the endpoint takes it. */', `export interface ${name}Row {`, ...lines, '}'].join('\n')
}

const valueType = (value: string | number | boolean): string =>
  typeof value === 'string' ? literal(value) : String(value)

const decided = { number: 'number', boolean: 'boolean', text: 'string' } as const

/** What is answered for a row. A number alone where there is nothing else. */
export function predictionType(name: string, { task, outputs, decision }: RowContract): string {
  const answer = decision === undefined ? [] : [`  readonly ${decisionOutput}: ${decided[decision]}`]
  if (outputs !== undefined && task === 'multiclass')
    return `${list(`${name}Label`, 'A class, in the order of probabilities.', outputs)}

${comment('The likeliest class, and how likely each is.')}
export interface ${name}Prediction {
  readonly label: ${name}Label
  readonly probabilities: readonly [${outputs.map(() => 'number').join(', ')}]
${answer.map((line) => `${line}\n`).join('')}}`
  if (outputs !== undefined)
    return [
      comment(task === 'quantiles' ? 'The quantiles that are predicted.' : 'The numbers that are predicted.'),
      `export interface ${name}Prediction {`,
      ...outputs.map((output) => `  readonly ${key(output)}: number`),
      ...answer,
      '}',
    ].join('\n')
  const [field, words] = oneNumber[task]
  if (answer.length === 0) return `${comment(words)}\nexport type ${name}Prediction = number`
  return [comment(words), `export interface ${name}Prediction {`, `  readonly ${field}: number`, ...answer, '}'].join(
    '\n',
  )
}

const oneNumber: Readonly<Record<RowContract['task'], readonly [field: string, words: string]>> = {
  binary: ['probability', 'The probability of yes, 0 to 1.'],
  regression: ['prediction', 'The number that is predicted.'],
  quantiles: ['prediction', 'The number that is predicted.'],
  multiclass: ['probabilities', 'How likely each class is.'],
  ranking: ['score', 'A score that orders the rows of one call: the best has the largest.'],
}

/** A union of texts, and its values in their order. */
const list = (name: string, words: string, values: readonly string[]): string =>
  [
    comment(words),
    `export type ${name} = ${values.map(literal).join(' | ')}`,
    `export const ${name.charAt(0).toLowerCase()}${name.slice(1)}s: readonly ${name}[] = [${values.map(literal).join(', ')}]`,
  ].join('\n')

/** Elements of a tensor in JSON. */
function elementOf(datatype: DatatypeName): string {
  if (datatype === 'BOOL') return 'boolean'
  return datatype === 'BYTES' ? 'string' : 'number'
}

/** Tensors by name, and the datatypes that requests say. */
export function tensorTypes(name: string, { inputs, outputs }: TensorContract): string {
  const fields = (specs: readonly TensorSpec[], array: (element: string) => string): string[] =>
    specs.flatMap((spec) => [
      `  ${comment(`${spec.datatype}, ${shapeInWords(spec.shape)}, flat, row by row`)}`,
      `  readonly ${key(spec.name)}: { readonly shape: readonly number[]; readonly data: ${array(elementOf(spec.datatype))} }`,
    ])
  return [
    `export interface ${name}Inputs {`,
    ...fields(inputs, (element) => `ArrayLike<${element}>`),
    '}',
    '',
    `export interface ${name}Outputs {`,
    ...fields(outputs, (element) => `readonly ${element}[]`),
    '}',
    '',
    'const datatypes = {',
    ...inputs.map((spec) => `  ${key(spec.name)}: '${spec.datatype}',`),
    '} as const',
  ].join('\n')
}
