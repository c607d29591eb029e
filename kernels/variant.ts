import { readOnnx, writeOnnx } from './onnx.ts'

/** The post-transform NONE, as text until ai.onnx.ml 3 and as a number in 5. */
const none = { s: new TextEncoder().encode('NONE'), i: 0 }

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
            attribute.name === 'post_transform' ? { ...attribute, ...none } : attribute,
          ),
        }
      : each,
  )
  const value = { name: output, type: { tensorType: { elemType: 1, shape: null } } }
  return writeOnnx({ ...model, graph: { ...graph, node, output: [value] } })
}
