import { type OnnxAttribute, readOnnx, writeOnnx } from './onnx.ts'

/** The post-transform NONE: text until ai.onnx.ml 3, a number in 5. */
const none = ({ s }: OnnxAttribute) => (s.length > 0 ? { s: new TextEncoder().encode('NONE') } : { i: 0 })

/**
 * The same model with the trees' own scores as its one output, and without their post-transform if so asked: for comparing with.
 */
export function answeringWith(onnx: Uint8Array, output: string, what: 'answers' | 'sums'): Uint8Array {
  const model = readOnnx(onnx)
  const { graph } = model
  const isAnswer = graph.output.some(({ name }) => name === output)
  if (isAnswer && what === 'answers') return onnx
  const maker = graph.node.findIndex((node) => node.output.includes(output))
  const node = graph.node.slice(0, maker + 1).map((each, i) =>
    i === maker && what === 'sums'
      ? {
          ...each,
          attribute: each.attribute.map((attribute) =>
            attribute.name === 'post_transform' ? { ...attribute, ...none(attribute) } : attribute,
          ),
        }
      : each,
  )
  const value = { name: output, type: { tensorType: { elemType: 1, shape: null } } }
  // ONNX Runtime complains of constants that nothing uses.
  const used = new Set(node.flatMap(({ input }) => input))
  const initializer = graph.initializer.filter(({ name }) => used.has(name))
  return writeOnnx({ ...model, graph: { ...graph, node, initializer, output: [value] } })
}
