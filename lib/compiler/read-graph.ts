import type { ForestInput, ForestOutput, ScoreColumn } from './forest.ts'
import { NotCompilable } from './not-compilable.ts'
import { elementTypes, type OnnxModel, type OnnxNode, type OnnxValue } from './onnx.ts'
import { type GraphValue, isBehindTrees, operators } from './operators.ts'
import type { Ensemble } from './read-ensemble.ts'

/**
 * Follows a graph from its inputs through the trees to every one of its outputs. What its outputs do not need is passed
 * over, as ONNX Runtime does; all the rest is understood or refused.
 * @returns what the trees read, and the outputs that are made of their scores
 * @throws NotCompilable that names what is not understood
 */
export function readGraph(
  { graph }: OnnxModel,
  trees: OnnxNode,
  ensemble: Ensemble,
): { readonly inputs: readonly ForestInput[]; readonly outputs: readonly ForestOutput[]; readonly isSorted?: true } {
  requireOneMeaning(graph)
  const values = new Map<string, GraphValue>(
    graph.initializer.map((tensor) => [tensor.name, { kind: 'constant', tensor }]),
  )
  // An input with a value of its own is a constant that nobody gives another value.
  const fed = graph.input.filter(({ name }) => !values.has(name))
  for (const input of fed) values.set(input.name, inputValue(input))

  let inputs: readonly ForestInput[] = []
  const needed = neededBy(graph)
  for (const node of graph.node.filter((each) => needed.has(each))) {
    const given = node.input.map((name) => {
      const value = values.get(name)
      if (value === undefined)
        throw new NotCompilable(`the operator ${node.opType} reads ${name || 'nothing'}, which nothing made`)
      return value
    })
    if (node === trees) inputs = readBy(trees, given)
    const results = node === trees ? scoresOf(ensemble) : resultsOf(node, given)
    node.output.forEach((name, i) => {
      const result = results[i]
      if (name !== '' && result === undefined)
        throw new NotCompilable(`the operator ${node.opType} has an output ${name}`)
      if (result !== undefined) values.set(name, result)
    })
  }
  const outputs = graph.output.flatMap(({ name }) => outputOf(name, values.get(name), ensemble))
  const isSorted = graph.output.flatMap(({ name }) => sortedness(values.get(name)))
  if (outputs.length === 0) throw new NotCompilable('no output of the graph is made of the scores of its trees')
  for (const { name } of fed)
    if (!inputs.some((input) => input.name === name)) throw new NotCompilable(`the trees do not read the input ${name}`)
  if (isSorted.includes(true) && (isSorted.includes(false) || ensemble.transform !== 'NONE'))
    throw new NotCompilable('some of its outputs are sorted, or scores that were transformed are')
  return { inputs, outputs, ...(isSorted.includes(true) && { isSorted: true }) }
}

/**
 * ONNX Runtime takes the last of equal constants, and checkers differ about the rest: a name has to stand for one
 * thing.
 */
function requireOneMeaning({ input, initializer, node, output }: OnnxModel['graph']): void {
  const requireDistinct = (names: readonly string[]): void => {
    const seen = new Set<string>()
    for (const name of names) {
      if (seen.has(name)) throw new NotCompilable(`the name ${name} stands for two things`)
      if (name !== '') seen.add(name)
    }
  }
  const namesOf = (values: readonly { readonly name: string }[]): string[] => values.map(({ name }) => name)
  const made = node.flatMap((each) => each.output)
  requireDistinct([...namesOf(initializer), ...made])
  requireDistinct([...namesOf(input), ...made])
  requireDistinct(namesOf(output))
  for (const { attribute } of node) requireDistinct(namesOf(attribute))
}

/** The nodes that outputs of the graph depend on. */
function neededBy({ node, output }: OnnxModel['graph']): ReadonlySet<OnnxNode> {
  const makers = new Map(node.flatMap((each) => each.output.map((name) => [name, each] as const)))
  const needed = new Set<OnnxNode>()
  const visit = output.map(({ name }) => name)
  for (let name = visit.pop(); name !== undefined; name = visit.pop()) {
    const maker = makers.get(name)
    if (maker === undefined || needed.has(maker)) continue
    needed.add(maker)
    visit.push(...maker.input)
  }
  return needed
}

function inputValue({ name, type }: OnnxValue): GraphValue {
  const tensor = type?.tensorType
  const [rows, columns, ...more] = (tensor?.shape?.dim ?? []).map(({ dimValue }) => dimValue)
  const width = more.length === 0 ? (columns ?? 0) : 0
  if (rows !== undefined && rows > 0) throw new NotCompilable(`the input ${name} is of ${rows} rows`)
  if (tensor?.elemType === elementTypes.string) {
    if (width !== 1) throw new NotCompilable(`the input ${name} is not one column`)
    return { kind: 'text', name }
  }
  if (tensor?.elemType !== elementTypes.float) throw new NotCompilable(`the input ${name} is not of 32-bit floats`)
  if (width < 1) throw new NotCompilable(`the input ${name} has no fixed width`)
  return { kind: 'features', inputs: [{ name, kind: 'number', width }] }
}

function readBy(trees: OnnxNode, [value, ...more]: readonly GraphValue[]): readonly ForestInput[] {
  if (value?.kind !== 'features' || more.length > 0)
    throw new NotCompilable(`the trees read ${trees.input.join(' and ')}, which is not one matrix of numbers`)
  return value.inputs
}

function scoresOf({ isClassifier, count }: Ensemble): readonly GraphValue[] {
  const scores: GraphValue = {
    kind: 'scores',
    columns: Array.from({ length: count }, (_, of): ScoreColumn => ({ of, isComplement: false })),
  }
  return isClassifier ? [{ kind: 'label' }, scores] : [scores]
}

/** What sorts scores says besides where each of them was. */
const resultsOf = (node: OnnxNode, given: readonly GraphValue[]): readonly GraphValue[] =>
  node.opType === 'TopK' ? [resultOf(node, given), { kind: 'label' }] : [resultOf(node, given)]

const sortedness = (value: GraphValue | undefined): boolean[] =>
  value?.kind === 'scores' || value?.kind === 'maps' ? ['isSorted' in value && value.isSorted === true] : []

function resultOf(node: OnnxNode, given: readonly GraphValue[]): GraphValue {
  const { domain, opType } = node
  const result = operators[domain === 'ai.onnx' ? opType : `${domain && `${domain}.`}${opType}`]?.(given, node)
  if (result !== undefined) return result
  throw new NotCompilable(`the operator ${opType} comes ${given.some(isBehindTrees) ? 'after' : 'before'} the trees`)
}

/** An output of scores, whose last column is what a compiled model answers; none for a label. */
function outputOf(name: string, value: GraphValue | undefined, { count }: Ensemble): ForestOutput[] {
  if (value?.kind === 'label') return []
  if (value?.kind !== 'scores' && value?.kind !== 'maps')
    throw new NotCompilable(`the output ${name} is not made by the trees`)
  const last = value.columns.at(-1)
  if (last?.of !== count - 1 || last.isComplement)
    throw new NotCompilable(`the last column of the output ${name} is not the last score of the trees`)
  return [{ name, columns: value.columns }]
}
