import { elementTypes, type OnnxAttribute, type OnnxNode, readOnnx, writeOnnx } from './onnx.ts'

/** onnxruntime-node gives no maps: in their place what they are made of. Other models are given back as they are. */
export function withoutMaps(onnx: Uint8Array): Uint8Array {
  const model = readOnnx(onnx)
  const { graph, opsetImport } = model
  const isMap = ({ opType }: OnnxNode): boolean => opType === 'ZipMap'
  if (!graph.node.some(isMap)) return onnx
  const maps = new Set(graph.node.filter(isMap).flatMap(({ output }) => output))
  const node = graph.node.map((each) =>
    isMap(each) ? { ...each, opType: 'Identity', domain: '', attribute: [] } : each,
  )
  const output = graph.output.map((each) => (maps.has(each.name) ? scores(each.name) : each))
  const hasIdentity = opsetImport.some(({ domain }) => domain === '' || domain === 'ai.onnx')
  return writeOnnx({
    ...model,
    opsetImport: hasIdentity ? opsetImport : [...opsetImport, { domain: '', version: 9 }],
    graph: { ...graph, node, output },
  })
}

/** The post-transform NONE: text until ai.onnx.ml 3, a number in 5. */
const none = ({ s }: OnnxAttribute) => (s.length > 0 ? { s: new TextEncoder().encode('NONE') } : { i: 0 })

/** The same trees without their post-transform, and their own scores as the one output: for comparing sums. */
export function withoutTransform(onnx: Uint8Array, output: string): Uint8Array {
  const model = readOnnx(onnx)
  const { graph } = model
  const maker = graph.node.findIndex((node) => node.output.includes(output))
  const node = graph.node.slice(0, maker + 1).map((each, i) =>
    i === maker
      ? {
          ...each,
          attribute: each.attribute.map((attribute) =>
            attribute.name === 'post_transform' ? { ...attribute, ...none(attribute) } : attribute,
          ),
        }
      : each,
  )
  // ONNX Runtime complains of constants that nothing uses.
  const used = new Set(node.flatMap(({ input }) => input))
  const initializer = graph.initializer.filter(({ name }) => used.has(name))
  return writeOnnx({ ...model, graph: { ...graph, node, initializer, output: [scores(output)] } })
}

const scores = (name: string) => ({ name, type: { tensorType: { elemType: elementTypes.float, shape: null } } })
