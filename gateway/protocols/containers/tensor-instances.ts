import { fromHalf } from '../../../lib/formats/half.ts'
import { itemsOf, type TensorFacts, type TensorSpec, type TensorValue } from '../../../lib/formats/tensors.ts'
import { invalid } from '../../../lib/models/rows.ts'
import { checkTensors } from '../../../lib/models/tensors/check-shapes.ts'
import { itemsFrom, tensorFromJson } from '../../../lib/models/tensors/elements.ts'
import { isObject } from '../json.ts'
import type { AskedTensors } from '../protocol.ts'

/**
 * Items one by one, as nested arrays: each the only input of a model of tensors, or an object of its inputs by name.
 * Answers likewise: each the only output, or an object of the outputs.
 */
export function tensorInstances(instances: readonly unknown[]): AskedTensors {
  return {
    read(facts) {
      if (!facts.isBatched)
        throw invalid(`model ${facts.name} does not take several items: ask it by the Open Inference Protocol`)
      const said = facts.inputs.map((spec) => joined(spec, instances, facts.inputs.length === 1))
      const { taken } = checkTensors(facts, said)
      const tensors = Object.fromEntries(
        taken.map(([spec, { shape, data, path }]) => [spec.name, tensorFromJson(spec, shape, data, path)]),
      )
      return { kind: 'tensors', tensors, rows: itemsOf(facts, tensors), ignored: ignoredIn(facts, instances) }
    },
    write: ({ facts, outputs }) => ({
      contentType: 'application/json',
      body: `{"predictions":[${instances.map((_, item) => itemJson(facts, outputs, item)).join(',')}]}`,
    }),
  }
}

/** The items of an input, with the shape that they have together: that of the first one counts for all. */
function joined({ name, datatype, shape }: TensorSpec, instances: readonly unknown[], isOnly: boolean) {
  const items = instances.map((instance, i) => {
    if (isObject(instance)) {
      if (Object.hasOwn(instance, name)) return instance[name]
      throw invalid(`has no "${name}"`, `instances[${i}]`)
    }
    if (isOnly) return instance
    throw invalid(`expected an object of the model's inputs, "${name}" for one`, `instances[${i}]`)
  })
  // Of no items the axes are as the graph has them, any of them as small as can be.
  const each =
    items.length > 0 ? shapeOf(items[0]) : (shape ?? [1]).slice(1).map((axis) => (typeof axis === 'number' ? axis : 0))
  const [first] = items.flatMap((item, i) => (sameShape(item, each) ? [] : [i]))
  if (first !== undefined)
    throw invalid(`"${name}" is not of the shape of the first instance's, [${each.join(', ')}]`, `instances[${first}]`)
  return { name, datatype, shape: [items.length, ...each], data: items as unknown, path: `instances, "${name}"` }
}

const shapeOf = (value: unknown): number[] => (Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [])

const sameShape = (value: unknown, [size, ...rest]: readonly number[]): boolean =>
  size === undefined
    ? !Array.isArray(value)
    : Array.isArray(value) && value.length === size && value.every((each) => sameShape(each, rest))

function ignoredIn({ inputs }: TensorFacts, instances: readonly unknown[]): string[] {
  const known = new Set(inputs.map(({ name }) => name))
  const names = new Set(instances.flatMap((instance) => (isObject(instance) ? Object.keys(instance) : [])))
  return [...names].filter((name) => !known.has(name))
}

function itemJson({ outputs }: TensorFacts, values: Readonly<Record<string, TensorValue>>, item: number): string {
  const jsonOf = ({ name, datatype }: TensorSpec): string => {
    const { shape, data } = itemsFrom(values[name] as TensorValue, item, item + 1)
    return JSON.stringify(nested(datatype, data as ArrayLike<unknown>, shape.slice(1)))
  }
  const [only, another] = outputs
  if (only !== undefined && another === undefined) return jsonOf(only)
  return `{${outputs.map((spec) => `${JSON.stringify(spec.name)}:${jsonOf(spec)}`).join(',')}}`
}

/** Elements as nested arrays; a number alone where there are no axes. 64-bit integers past 2^53 lose digits in JSON. */
function nested(datatype: TensorSpec['datatype'], data: ArrayLike<unknown>, shape: readonly number[]): unknown {
  const read = (value: unknown): unknown => {
    if (datatype === 'FP16') return fromHalf(value as number)
    if (datatype === 'BOOL') return value !== 0
    return typeof value === 'bigint' ? Number(value) : value
  }
  let flat: unknown[] = Array.from(data, read)
  for (const size of shape.slice(1).toReversed()) {
    const parts: unknown[] = []
    for (let at = 0; at < flat.length; at += size) parts.push(flat.slice(at, at + size))
    flat = parts
  }
  return shape.length === 0 ? flat[0] : flat
}
