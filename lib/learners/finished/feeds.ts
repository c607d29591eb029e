import { nearest } from '../../code/nearest.ts'
import { firstOf } from '../../formats/brief.ts'
import type { Brought, Refuse } from './brought.ts'
import { elements, text } from './elements.ts'
import { type FinishedGraph, type GraphValue, mlDomain } from './read-graph.ts'

/** A feature by its name, and whether it is numbers or text. */
export interface KnownFeature {
  readonly name: string
  readonly kind: 'number' | 'category'
  /**
   * Of a text whose places among these values stand for it where an input takes fractions: as programs are told of it.
   */
  readonly categories?: readonly string[]
}

/** An input of the graph, and the features that become its columns. */
export interface Feed {
  readonly name: string
  /** Of TensorProto.DataType. */
  readonly element: number
  /** Whether it is [rows] and not [rows, columns]. */
  readonly isVector: boolean
  readonly features: readonly string[]
  /**
   * Those of them that are text and taken as numbers, with the values whose places stand for them; NaN for any other.
   */
  readonly places?: ReadonlyMap<string, readonly string[]>
}

/** What an input has room for: how many columns, undefined where any number will do. */
interface Room extends Pick<Feed, 'element' | 'isVector'> {
  readonly columns: number | undefined
}

/**
 * Which features feed which inputs: those that the definition names; else an input of one column takes the feature of
 * its name, and the only input of a graph takes all features in the order the feature function makes them.
 * @throws SlipwayError of `refuse`, that names the input
 */
export function feedsOf(brought: Brought, graph: FinishedGraph, features: readonly KnownFeature[]): Feed[] {
  const { refuse, inputs: named = {} } = brought
  const inputs = graph.inputs.map(({ name }) => name)
  for (const name of Object.keys(named)) {
    if (inputs.includes(name)) continue
    throw refuse(`it has no input "${name}"`, meant(name, inputs, `its inputs are ${firstOf(inputs)}`))
  }
  if (inputs.length === 0) throw refuse('it has no inputs: rows cannot be given to it', 'export it with some')
  return graph.inputs.map((input): Feed => {
    const { columns, ...room } = roomOf(refuse, input)
    const { element } = room
    const said = named[input.name]
    const fed = said === undefined ? byName(refuse, graph, { ...input, columns }, features) : [said].flat()
    requireKnown(brought, { ...input, element }, fed, features)
    if (columns !== undefined && columns !== fed.length)
      throw refuse(
        `its input "${input.name}" has ${columns} column${columns === 1 ? '' : 's'}, and ${fed.length} feature${fed.length === 1 ? '' : 's'} would feed it: ${firstOf(fed)}`,
        `name as many features as it has columns, in their order: inputs: { ${keyOf(input.name)}: ['…', '…'] }`,
        'export it with a column a feature, in the order of columns.json',
      )
    const places =
      element === text ? [] : features.filter(({ name, kind }) => kind === 'category' && fed.includes(name))
    return {
      name: input.name,
      ...room,
      features: fed,
      ...(places.length > 0 && { places: new Map(places.map(({ name, categories = [] }) => [name, categories])) }),
    }
  })
}

/** @throws SlipwayError of `refuse` where a feature feeds nothing */
export function requireUse(refuse: Refuse, feeds: readonly Feed[], features: readonly KnownFeature[]): void {
  const used = new Set(feeds.flatMap((feed) => feed.features))
  const idle = features.find(({ name }) => !used.has(name))
  if (idle === undefined) return
  throw refuse(
    `the feature "${idle.name}" feeds none of its inputs`,
    `leave it out of the feature function, or name it in inputs: there are ${firstOf(feeds.map(({ name }) => name))}`,
    'export it with all features as inputs, or leave this one out of the feature function',
  )
}

/** Texts are given their places by LabelEncoder of this version of ai.onnx.ml, or a newer one. */
export const encoderOpset = 2

/**
 * @throws SlipwayError of `refuse` where texts have to be given their places and the graph needs another LabelEncoder
 */
export function requireEncoder(refuse: Refuse, { opsets, operators }: FinishedGraph, feeds: readonly Feed[]): void {
  const version = opsets.get(mlDomain) ?? encoderOpset
  if (version >= encoderOpset || !operators.has('LabelEncoder') || feeds.every(({ places }) => !places)) return
  throw refuse(
    `it has a LabelEncoder of version ${version} of ${mlDomain}, too old for features of text`,
    `export it for version ${encoderOpset} of ${mlDomain}, or a newer one`,
  )
}

function byName(
  refuse: Refuse,
  { inputs }: FinishedGraph,
  { name: input, columns = 1 }: GraphValue & Pick<Room, 'columns'>,
  features: readonly KnownFeature[],
): readonly string[] {
  const names = features.map(({ name }) => name)
  // The only input may be called as a feature is and take them all.
  if (names.includes(input) && (columns === 1 || inputs.length > 1)) return [input]
  if (inputs.length === 1) return names
  throw refuse(
    `no feature feeds its input "${input}"`,
    meant(input, names, `make it in the feature function, or name what feeds it: inputs: { ${keyOf(input)}: '…' }`),
    meant(input, names, `call its inputs as the features are called, or have one take all ${names.length}`),
  )
}

function requireKnown(
  { refuse, float32 }: Brought,
  { name: input, element }: Pick<Feed, 'name' | 'element'>,
  fed: readonly string[],
  features: readonly KnownFeature[],
): void {
  const names = features.map(({ name }) => name)
  const { noun, whole } = elements[element] ?? {}
  if (float32 && whole !== undefined)
    throw refuse(
      `its input "${input}" takes ${noun}s, and it was trained on float32`,
      'export it with inputs of float32, float64 or text',
    )
  for (const name of fed) {
    const feature = features.find((each) => each.name === name)
    if (feature === undefined)
      throw refuse(
        `the feature "${name}", which is to feed its input "${input}", is not made`,
        meant(name, names, `the feature function makes ${firstOf(names)}`),
      )
    const takesText = element === text
    if (takesText === (feature.kind === 'category')) continue
    if (!takesText && whole === undefined && feature.categories !== undefined) continue
    throw refuse(
      takesText
        ? `its input "${input}" takes text, and the feature "${name}" is numbers`
        : `its input "${input}" takes ${noun} numbers, and the feature "${name}" is text`,
      `make the feature ${takesText ? 'text' : 'numbers'} in the feature function`,
      `export it with an input of ${takesText ? 'numbers' : 'text'}, or make the feature something else`,
    )
  }
}

/** @throws SlipwayError of `refuse` where there is no input, or one that no rows can be given to */
export function requireRooms(refuse: Refuse, { inputs }: FinishedGraph): void {
  if (inputs.length === 0) throw refuse('it has no inputs: rows cannot be given to it', 'export it with some')
  for (const input of inputs) roomOf(refuse, input)
}

function roomOf(refuse: Refuse, { name, type }: GraphValue): Room {
  if (type.kind !== 'tensor')
    throw refuse(`its input "${name}" is of kind ${type.kind}`, 'export it with tensors as inputs')
  const { element, shape } = type
  if (element !== text && elements[element] === undefined)
    throw refuse(
      `its input "${name}" is of element type ${element} of ONNX, which rows are not turned into`,
      'put a Cast from float32 or int64 in front of it',
    )
  if (shape === undefined) return { element, isVector: false, columns: undefined }
  const [rows, columns] = shape
  if (shape.length === 0 || shape.length > 2)
    throw refuse(
      `its input "${name}" has ${shape.length} axes: rows of features fill one or two`,
      'export it with inputs [rows, columns]',
    )
  if (rows !== undefined)
    throw refuse(
      `its input "${name}" takes exactly ${rows} row${rows === 1 ? '' : 's'} at a time`,
      'export it with a first axis of any size (dynamic_axes)',
    )
  return shape.length === 1 ? { element, isVector: true, columns: 1 } : { element, isVector: false, columns }
}

/** How a name is written as a key of an object. */
const keyOf = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`)

function meant(name: string, candidates: readonly string[], otherwise: string): string {
  const near = nearest(name, candidates)
  return near === undefined ? otherwise : `did you mean "${near}"? ${otherwise}`
}
