import { firstOf } from '../../formats/brief.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { Task } from '../../formats/plan.ts'
import type { Brought } from './brought.ts'
import { double, float, half } from './elements.ts'
import type { FinishedGraph, GraphValue } from './read-graph.ts'

/** Where the scores of rows are in a graph. */
export interface ScoreSource {
  /** The output that the definition or the graph names, for messages. */
  readonly output: string
  /** The value that holds them: the output, or what a map of classes is made of. */
  readonly value: string
  /** float32, float64 or float16 of TensorProto.DataType. */
  readonly element: number
  /** The classes of its columns, where the graph says. */
  readonly classes: readonly (number | string)[] | undefined
  /** Of columns that it does not name: the classes that its classifiers do, where they are of one mind. */
  readonly labels?: readonly (number | string)[] | undefined
}

/**
 * The output that scores rows: the one that is named, else the only one that can, else the one called as Slipway's own.
 * @throws SlipwayError of `refuse`, that names the outputs
 */
export function scoreSourceOf({ refuse, output }: Brought, graph: FinishedGraph): ScoreSource {
  const names = graph.outputs.map(({ name }) => name)
  if (output !== undefined) {
    const found = graph.outputs.find(({ name }) => name === output)
    if (found === undefined) throw refuse(`it has no output "${output}"`, `its outputs are ${firstOf(names)}`)
    const source = sourceOf(graph, found)
    if (typeof source !== 'string') return source
    throw refuse(
      `its output "${output}" cannot be a score: it is ${source}`,
      'name an output of floating-point numbers, one or a few a row',
    )
  }
  const sources = graph.outputs.map((each) => sourceOf(graph, each))
  const fit = sources.filter((source) => typeof source !== 'string')
  const [only, ...more] = fit
  if (only === undefined)
    throw refuse(
      `none of its outputs can be a score: ${firstOf(sources.map((source, i) => `"${names[i]}" is ${source}`))}`,
      'export it with an output of floating-point numbers, one or a few a row',
    )
  if (more.length === 0) return only
  const usual = ['probabilities', 'prediction'].map((name) => fit.find((source) => source.output === name))
  const known = usual.find((source) => source !== undefined)
  if (known !== undefined) return known
  const fitNames = fit.map((source) => source.output)
  throw refuse(
    `${fit.length} of its outputs may be the score: ${firstOf(fitNames)}`,
    `say which: output: '${fitNames[0]}'`,
    'call the one that is meant probabilities or prediction',
  )
}

/** @returns the source, or in words what the output is instead */
function sourceOf({ classMaps, labels }: FinishedGraph, { name, type }: GraphValue): ScoreSource | string {
  const map = classMaps.get(name)
  if (map !== undefined) return { output: name, value: map.scores, element: float, classes: map.classes }
  if (type.kind !== 'tensor') return `of kind ${type.kind}, which no ZipMap made`
  const { element, shape } = type
  if (element !== float && element !== double && element !== half)
    return elementWords[element] ?? `of element type ${element} of ONNX`
  if (shape !== undefined && (shape.length === 0 || shape.length > 2))
    return `a tensor of ${shape.length} axes, and rows have one score or a few`
  if (shape?.[0] !== undefined) return `of ${shape[0]} row${shape[0] === 1 ? '' : 's'}, however many are asked about`
  return { output: name, value: name, element, classes: undefined, labels }
}

const elementWords: Readonly<Record<number, string>> = {
  6: 'whole numbers (int32)',
  7: 'labels (int64)',
  8: 'text',
  9: 'truth values',
}

/** What is asked of a model: the task, and of several classes those that rows are of, where all were looked at. */
export interface Wanted {
  readonly task: Task
  readonly classes?: readonly string[] | undefined
  /** What the numbers of a row are called, where there are to be several. */
  readonly outputs?: readonly string[] | undefined
}

/** Which columns of the scores are the answer, and what they are called. */
export interface Answering {
  /** Columns that were seen; undefined of [rows]. */
  readonly width: number | undefined
  /** In the order of the answers. */
  readonly columns: readonly number[]
  /** Of several classes. */
  readonly classes?: readonly string[]
}

/**
 * Which of the scores are the answer.
 * @param width columns that were seen; undefined of [rows]
 * @throws SlipwayError of `refuse` where it is not clear, or there is none such
 */
export function answeringOf(
  brought: Brought,
  source: ScoreSource,
  width: number | undefined,
  { task, classes, outputs }: Wanted,
): Answering {
  if (outputs !== undefined) return { width, columns: outputColumns(brought, source, width ?? 1, outputs) }
  if (task !== 'multiclass') return { width, columns: [scoreColumnOf(brought, source, width, task)] }
  const known = classesOf(brought, source, width ?? 1, classes)
  return { width, columns: known.map((_, column) => column), classes: known }
}

/** Columns of several numbers are those that are wanted, in their order. */
function outputColumns(
  { refuse }: Brought,
  { output }: ScoreSource,
  width: number,
  outputs: readonly string[],
): number[] {
  if (width === outputs.length) return outputs.map((_, column) => column)
  throw refuse(
    `its output "${output}" has ${width} column${width === 1 ? '' : 's'}, and ${outputs.length} numbers are wanted: ${firstOf(outputs)}`,
    'export it with a column of each, in their order',
  )
}

/**
 * What the columns of the scores of several classes are called: as the definition says; as the model says; else they
 * are the classes of the rows in their order.
 * @param ofRows undefined where not all rows were looked at
 */
function classesOf(
  brought: Brought,
  { output, classes: mapped, labels }: ScoreSource,
  width: number,
  ofRows: readonly string[] | undefined,
): readonly string[] {
  const { refuse, classes: said, classPlaces } = brought
  const named = (mapped ?? (labels?.length === width ? labels : undefined))?.map(String)
  const arePlaces = named?.every((name, place) => name === String(place)) === true
  const isNamed = named !== undefined && !(arePlaces && (classPlaces || !ofRows?.some((name) => named.includes(name))))
  const known =
    said ?? (isNamed ? named : undefined) ?? ofRows ?? Array.from({ length: width }, (_, place) => `${place}`)
  if (known.length !== width)
    throw refuse(
      `its output "${output}" has ${width} column${width === 1 ? '' : 's'}, and there are ${known.length} classes: ${firstOf(known)}`,
      "export it with a probability of each class; or name the classes of its columns: classes: ['…', '…']",
      'export it with a probability of each class of columns.json, in their order',
    )
  if (classPlaces && ofRows?.some((name, place) => name !== known[place]))
    throw refuse(
      `its output "${output}" has the classes ${firstOf(known)}, and columns.json ${firstOf(ofRows)}`,
      'export it with the classes of columns.json, in their order',
    )
  const unknown = ofRows?.find((name) => !known.includes(name))
  if (unknown === undefined) return known
  const next = `its classes are ${firstOf(known)}: take such rows out, or have the target's function give another class`
  const { code, message, facts } = refuse('it knows no class that some rows are of', next)
  const inFull = refuse(`it knows no class "${unknown}", which some rows are of`, next).message
  throw new SlipwayError(code, message, { ...facts, inFull })
}

/** @returns the column of the score; 0 of [rows] */
function scoreColumnOf(
  { refuse, class: named }: Brought,
  { output, classes }: ScoreSource,
  width: number | undefined,
  task: Task,
): number {
  const columns = width ?? 1
  const known = classes ?? Array.from({ length: columns }, (_, column) => column)
  if (named !== undefined) {
    const column = known.findIndex((each) => String(each) === String(named))
    if (column >= 0 && column < columns) return column
    throw refuse(
      `its output "${output}" has no ${classes === undefined ? 'column' : 'class'} ${JSON.stringify(named)}`,
      classes === undefined ? `its columns are 0 to ${columns - 1}` : `its classes are ${firstOf(known.map(String))}`,
    )
  }
  if (columns === 1) return 0
  // Of two classes the second is the one that is asked about, as everywhere in Slipway.
  if (width === 2 && task === 'binary') return 1
  throw refuse(
    `its output "${output}" has ${width} columns, and the score is one number`,
    `say which: class: ${JSON.stringify(known[1] ?? known[0])}`,
    `export it with ${task === 'binary' ? 'the probability of class 1, or of both classes' : 'one number a row'}`,
  )
}
