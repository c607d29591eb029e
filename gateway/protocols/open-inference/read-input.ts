import { kindOf } from '../../../lib/definition/contract/read.ts'
import type { Column, Numbers } from '../../../lib/formats/columns.ts'
import type { ColumnRule } from '../../../lib/formats/row-schema.ts'
import { isMadeFloat64 } from '../../../lib/models/graph-inputs.ts'
import type { ModelFacts } from '../../../lib/models/model.ts'
import { checkNames } from '../../../lib/models/names.ts'
import { invalid } from '../../../lib/models/rows.ts'
import type { Input, InputColumns } from '../../scoring.ts'
import type { Asked, ServedVersion } from '../protocol.ts'
import { outputNames } from '../write.ts'
import { isIntegral } from './datatypes.ts'
import { columnTensors, type SentTensor, type Tensor } from './tensors.ts'

/**
 * Reads tensors as a version takes them, once, however many versions are asked.
 * @param outputs names of those that are wanted; all if there are none
 * @throws SlipwayError REQUEST_INVALID
 */
export function rowsReader(sent: readonly SentTensor[], outputs: readonly unknown[]): Asked['read'] {
  let columns: ReadonlyMap<string, Tensor> | undefined
  return (version) => {
    const names = outputNames(version)
    for (const name of outputs)
      if (typeof name !== 'string' || !names.includes(name))
        throw invalid(`there is no output ${kindOf(name)}; the model has "${names.join('" and "')}"`, 'outputs')
    columns ??= columnTensors(sent)
    return readInput(columns, version)
  }
}

/**
 * Rows or features, whichever the tensors are, by the names that the model has for them.
 * @throws SlipwayError REQUEST_INVALID
 */
function readInput(tensors: ReadonlyMap<string, Tensor>, version: ServedVersion): Input {
  const { facts } = version
  const [first] = tensors.values()
  if (first === undefined) throw invalid('no tensors', 'inputs')
  for (const tensor of tensors.values())
    if (tensor.rows !== first.rows)
      throw invalid(`has ${tensor.rows} rows, ${first.name} has ${first.rows}`, tensor.path)
  const names = [...tensors.keys()]
  if (areFeatures(names, facts)) {
    if (facts.decision !== undefined)
      throw invalid(
        `the model answers by a function of rows, and these are its features: send ${facts.inputs.map(({ name }) => name).join(', ')}`,
        'inputs',
      )
    const columns: Record<string, InputColumns[string]> = {}
    for (const feature of facts.features)
      columns[feature.name] = featureOf(feature, tensors.get(feature.name) as Tensor)
    const ignored = names.filter((name) => !Object.hasOwn(columns, name))
    return { kind: 'features', columns, rows: first.rows, ignored }
  }
  const isSome = (known: readonly { readonly name: string }[]): boolean => known.some(({ name }) => tensors.has(name))
  if (isSome(facts.features) && !isSome(facts.inputs)) {
    const missing = facts.features.filter(({ name }) => !tensors.has(name)).map(({ name }) => name)
    throw invalid(`no tensor for ${missing.join(', ')}; of the features none may be left out`, 'inputs')
  }
  const ignored = checkNames(facts.inputs, names, 'inputs', 'tensor')
  const missing = facts.inputs.filter(({ name, nullable }) => !nullable && !tensors.has(name)).map(({ name }) => name)
  if (missing.length > 0)
    throw invalid(
      `no tensor for ${missing.join(', ')}; the model takes ${facts.inputs.map(({ name }) => name).join(', ')}${facts.decision === undefined ? `, or the features ${facts.features.map(({ name }) => name).join(', ')}` : ''}`,
      'inputs',
    )
  const columns: Record<string, Column> = {}
  for (const rule of facts.inputs) columns[rule.name] = columnOf(rule, tensors.get(rule.name), version, first.rows)
  return { kind: 'rows', columns, rows: first.rows, ignored }
}

/**
 * Whether tensors are the features of a model and not columns of its rows: all features are there, and as rows more of
 * the tensors would be left over, or something would be missing.
 */
function areFeatures(names: readonly string[], { inputs, features }: Pick<ModelFacts, 'inputs' | 'features'>): boolean {
  const given = new Set(names)
  if (!features.every(({ name }) => given.has(name))) return false
  const leftOver = (known: readonly { readonly name: string }[]): number =>
    names.length - known.filter(({ name }) => given.has(name)).length
  const mayBeRows = inputs.every(({ name, nullable }) => nullable || given.has(name))
  return !mayBeRows || leftOver(features) < leftOver(inputs)
}

function columnOf(rule: ColumnRule, tensor: Tensor | undefined, { reader }: ServedVersion, rows: number): Column {
  if (tensor === undefined) return reader.column(rule, new Array(rows).fill(null), 'inputs')
  const { datatype, path } = tensor
  const fits =
    rule.type === 'string'
      ? datatype === 'BYTES'
      : rule.type === 'boolean'
        ? datatype === 'BOOL'
        : rule.type === 'timestamp' || rule.type === 'bigint'
          ? datatype !== 'BOOL'
          : datatype !== 'BYTES' && datatype !== 'BOOL'
  if (!fits) throw invalid(`datatype ${datatype} does not fit ${rule.name}, a ${rule.type}`, path)
  requireIntegers(tensor)
  const { values } = tensor
  const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array
  return reader.column(rule, isWide && rule.type !== 'bigint' ? Array.from(values, Number) : values, path)
}

function featureOf(feature: ModelFacts['features'][number], tensor: Tensor): Numbers | (string | null)[] {
  const { kind } = feature
  const { datatype, values, path } = tensor
  const isText = datatype === 'BYTES'
  if (isText !== (kind === 'category')) throw invalid(`datatype ${datatype} does not fit a ${kind}`, path)
  requireIntegers(tensor)
  const count = values.length
  if (isText) {
    const texts = new Array<string | null>(count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'string' && value !== null) throw invalid('expected text or null', `${path}.data[${i}]`)
      texts[i] = value
    }
    return texts
  }
  const numbers = isMadeFloat64(feature) ? new Float64Array(count) : new Float32Array(count)
  for (let i = 0; i < count; i++) {
    const given = values[i]
    const value = typeof given === 'bigint' ? Number(given) : given
    // A missing feature is NaN; only binary tensors and null can say so.
    if (value === null) numbers[i] = Number.NaN
    else if (typeof value === 'number' && (Number.isFinite(value) || Number.isNaN(value))) numbers[i] = value
    else throw invalid('expected a finite number', `${path}.data[${i}]`)
  }
  return numbers
}

function requireIntegers({ datatype, values, path }: Tensor): void {
  if (!isIntegral(datatype) || ArrayBuffer.isView(values)) return
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value !== null && !Number.isInteger(value)) throw invalid(`is no ${datatype}`, `${path}.data[${i}]`)
  }
}
