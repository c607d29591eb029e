import { fromHalf } from '../formats/half.ts'
import { type DatatypeName, sizeOf, type TensorFacts, type Tensors, type TensorValue } from '../formats/tensors.ts'
import { type Profile, profileCategories, profileNumbers, profileTop } from './profile.ts'

/** How columns of profiles begin that summarise an output of a model of tensors: `output:embedding:norm`. */
const mark = 'output:'

export const isOutputColumn = (column: string): boolean => column.startsWith(mark)

/** `norm of embedding`: such a column for people. */
export function outputInWords(column: string): string {
  const [, name, what] = /^(.*?)(?::(mean|norm|class))?$/s.exec(column.slice(mark.length)) ?? []
  return what === undefined ? `output ${name}` : `${what} of ${name}`
}

/** What is counted of answers of tensors, an entry an item each: numbers, or text. */
export type Summaries = Readonly<Record<string, Float64Array | string[]>>

/** Numbers of a tensor, whatever they are held as; undefined of text. */
export function numbersOf({ data }: TensorValue, datatype: DatatypeName): ((at: number) => number) | undefined {
  if (Array.isArray(data)) return undefined
  return datatype === 'FP16' ? (at) => fromHalf(data[at] as number) : (at) => Number(data[at])
}

const isFloat = (datatype: DatatypeName): boolean => datatype.startsWith('FP')

/**
 * Answers as a few numbers an item, so that they can be counted, compared and watched: of an output with one number an
 * item that number, of others their mean and their Euclidean norm; besides, where an item has a vector of up to 256
 * fractions, the place of the largest, which is the class of a classifier; of one text an item the text.
 * @param items the first axis of every output, or 1 where an answer is about one item
 */
export function summariesOf(outputs: TensorFacts['outputs'], answer: Tensors, items: number): Summaries {
  const summaries: Record<string, Float64Array | string[]> = {}
  for (const { name, datatype } of outputs) {
    const tensor = answer[name] as TensorValue
    const each = items === 0 ? 0 : sizeOf(tensor.shape) / items
    if (!Number.isInteger(each) || each === 0) continue
    const number = numbersOf(tensor, datatype)
    if (number === undefined) {
      if (each === 1) summaries[`${mark}${name}`] = [...(tensor.data as string[])]
      continue
    }
    if (each === 1) {
      summaries[`${mark}${name}`] = Float64Array.from({ length: items }, (_, item) => number(item))
      continue
    }
    summaries[`${mark}${name}:mean`] = perItem(items, each, (from, to) => meanOf(number, from, to))
    summaries[`${mark}${name}:norm`] = perItem(items, each, (from, to) => normOf(number, from, to))
    const isVector = tensor.shape.slice(items === tensor.shape[0] ? 1 : 0).filter((axis) => axis > 1).length === 1
    if (isFloat(datatype) && isVector && each <= profileTop)
      summaries[`${mark}${name}:class`] = Array.from({ length: items }, (_, item) =>
        String(largestOf(number, item * each, (item + 1) * each)),
      )
  }
  return summaries
}

const perItem = (items: number, each: number, of: (from: number, to: number) => number): Float64Array =>
  Float64Array.from({ length: items }, (_, item) => of(item * each, (item + 1) * each))

type NumberAt = (at: number) => number

function meanOf(number: NumberAt, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at++) sum += number(at)
  return sum / (to - from)
}

function normOf(number: NumberAt, from: number, to: number): number {
  let squares = 0
  for (let at = from; at < to; at++) squares += number(at) ** 2
  return Math.sqrt(squares)
}

/** The first of the largest, counted from 0. */
function largestOf(number: NumberAt, from: number, to: number): number {
  let largest = from
  for (let at = from + 1; at < to; at++) if (number(at) > number(largest)) largest = at
  return largest - from
}

/** The summary that stands for an answer where one number must do: the first that is a norm or a number itself. */
export function primaryOf(summaries: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(summaries)
  return names.find((name) => name.endsWith(':norm')) ?? names.find((name) => !/:(mean|class)$/.test(name))
}

/** The profile of summaries. */
export function profileOf(summaries: Summaries): Profile {
  return Object.fromEntries(
    Object.entries(summaries).map(([name, values]) => {
      if (values instanceof Float64Array) return [name, profileNumbers(values, 'between')]
      const places = new Map<string, number>()
      const codes = Int32Array.from(values, (value) => {
        const known = places.get(value)
        if (known !== undefined) return known
        places.set(value, places.size)
        return places.size - 1
      })
      return [name, profileCategories([...places.keys()], codes)]
    }),
  )
}

/** Summaries of several answers as one. */
export function joinSummaries(all: readonly Summaries[]): Summaries {
  const joined: Record<string, Float64Array | string[]> = {}
  for (const name of new Set(all.flatMap((each) => Object.keys(each)))) {
    const parts = all.map((each) => each[name] ?? [])
    const flat = parts.flatMap((part): (number | string)[] => [...part])
    joined[name] = parts.some((part) => part instanceof Float64Array)
      ? Float64Array.from(flat as number[])
      : (flat as string[])
  }
  return joined
}

/** How far two answers to the same request lie apart. */
export interface Difference {
  /** Between two elements of the same place; Infinity where shapes differ, or a text does. */
  readonly largest: number
  /** Of everything that is numbers, as one vector; NaN where one of the two is all zeros, or nothing is. */
  readonly cosine: number
  /** Euclidean distance, as a share of the first answer's norm. */
  readonly relative: number
}

/** Compares two answers, output by output. */
export function differenceOf(outputs: TensorFacts['outputs'], one: Tensors, other: Tensors): Difference {
  let [largest, dot, left, right, apart] = [0, 0, 0, 0, 0]
  for (const { name, datatype } of outputs) {
    const [a, b] = [one[name], other[name]]
    if (a === undefined || b === undefined || a.shape.join() !== b.shape.join()) {
      largest = Number.POSITIVE_INFINITY
      continue
    }
    const [x, y] = [numbersOf(a, datatype), numbersOf(b, datatype)]
    if (x === undefined || y === undefined) {
      const [texts, others] = [a.data as string[], b.data as string[]]
      if (texts.some((text, i) => text !== others[i])) largest = Number.POSITIVE_INFINITY
      continue
    }
    for (let at = 0; at < a.data.length; at++) {
      const [p, q] = [x(at), y(at)]
      // The same infinity, or NaN in both, is no difference.
      if (!Object.is(p, q)) largest = Math.max(largest, Number.isFinite(p - q) ? Math.abs(p - q) : Infinity)
      if (!Number.isFinite(p - q)) continue
      dot += p * q
      left += p * p
      right += q * q
      apart += (p - q) ** 2
    }
  }
  return {
    largest,
    cosine: dot / Math.sqrt(left * right),
    relative: left === 0 ? (apart === 0 ? 0 : Number.POSITIVE_INFINITY) : Math.sqrt(apart / left),
  }
}
