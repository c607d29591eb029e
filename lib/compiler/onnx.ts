import protobuf from 'protobufjs'

/** An attribute of a node; which field holds its value depends on its type. */
export interface OnnxAttribute {
  readonly name: string
  readonly f: number
  readonly i: number
  readonly s: Uint8Array
  readonly floats: readonly number[]
  readonly ints: readonly number[]
  readonly strings: readonly Uint8Array[]
  readonly t?: OnnxTensor | null
}

export interface OnnxTensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly dataType: number
  readonly floatData: readonly number[]
  readonly int32Data: readonly number[]
  readonly int64Data: readonly number[]
  readonly rawData: Uint8Array
}

export interface OnnxNode {
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly opType: string
  readonly domain: string
  readonly attribute: readonly OnnxAttribute[]
}

/** An input or output of the graph. */
export interface OnnxValue {
  readonly name: string
  readonly type?: {
    readonly tensorType?: {
      readonly elemType: number
      readonly shape?: { readonly dim: readonly { readonly dimValue: number }[] } | null
    } | null
  } | null
}

export interface OnnxModel {
  readonly irVersion: number
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[]
  readonly functions: readonly { readonly name: string }[]
  readonly graph: {
    readonly name: string
    readonly node: readonly OnnxNode[]
    readonly initializer: readonly OnnxTensor[]
    readonly input: readonly OnnxValue[]
    readonly output: readonly OnnxValue[]
  }
}

/** Of TensorProto.DataType. */
export const elementTypes = { float: 1, uint8: 2, int64: 7, string: 8, double: 11 } as const

const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id })

/** The part of onnx.proto (github.com/onnx/onnx) that models of trees use. */
const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        producerName: { type: 'string', id: 2 },
        graph: { type: 'GraphProto', id: 7 },
        opsetImport: repeated('OperatorSetIdProto', 8),
        functions: repeated('FunctionProto', 25),
      },
    },
    FunctionProto: { fields: { name: { type: 'string', id: 1 } } },
    OperatorSetIdProto: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    GraphProto: {
      fields: {
        node: repeated('NodeProto', 1),
        name: { type: 'string', id: 2 },
        initializer: repeated('TensorProto', 5),
        input: repeated('ValueInfoProto', 11),
        output: repeated('ValueInfoProto', 12),
      },
    },
    NodeProto: {
      fields: {
        input: repeated('string', 1),
        output: repeated('string', 2),
        name: { type: 'string', id: 3 },
        opType: { type: 'string', id: 4 },
        attribute: repeated('AttributeProto', 5),
        domain: { type: 'string', id: 7 },
      },
    },
    AttributeProto: {
      fields: {
        name: { type: 'string', id: 1 },
        f: { type: 'float', id: 2 },
        i: { type: 'int64', id: 3 },
        s: { type: 'bytes', id: 4 },
        t: { type: 'TensorProto', id: 5 },
        floats: repeated('float', 7),
        ints: repeated('int64', 8),
        strings: repeated('bytes', 9),
        type: { type: 'int32', id: 20 },
      },
    },
    TensorProto: {
      fields: {
        dims: repeated('int64', 1),
        dataType: { type: 'int32', id: 2 },
        floatData: repeated('float', 4),
        int32Data: repeated('int32', 5),
        int64Data: repeated('int64', 7),
        name: { type: 'string', id: 8 },
        rawData: { type: 'bytes', id: 9 },
      },
    },
    ValueInfoProto: { fields: { name: { type: 'string', id: 1 }, type: { type: 'TypeProto', id: 2 } } },
    TypeProto: { fields: { tensorType: { type: 'TypeProtoTensor', id: 1 } } },
    TypeProtoTensor: { fields: { elemType: { type: 'int32', id: 1 }, shape: { type: 'TensorShapeProto', id: 2 } } },
    TensorShapeProto: { fields: { dim: repeated('DimensionProto', 1) } },
    DimensionProto: { fields: { dimValue: { type: 'int64', id: 1 }, dimParam: { type: 'string', id: 2 } } },
  },
})
const modelType = root.lookupType('ModelProto')

/**
 * Reads an ONNX file. What trees have no use for (documentation, metadata, what functions do) is left out.
 * @throws Error when it is none
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  const model = modelType.toObject(modelType.decode(bytes), { longs: Number, defaults: true, arrays: true })
  if (model.graph === null) throw new Error('it has no graph')
  return model as OnnxModel
}

/** Writes a model that was read. */
export function writeOnnx(model: OnnxModel): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish()
}

/** A tensor's float32s; none of any other type. */
export function floatsOf(tensor: OnnxTensor | null | undefined): readonly number[] {
  if (tensor?.dataType !== elementTypes.float) return []
  return tensor.rawData.length === 0 ? tensor.floatData : [...new Float32Array(Uint8Array.from(tensor.rawData).buffer)]
}

/** A tensor's bytes; none of any other type. */
export function bytesOf(tensor: OnnxTensor | null | undefined): readonly number[] {
  if (tensor?.dataType !== elementTypes.uint8) return []
  return tensor.rawData.length === 0 ? tensor.int32Data : [...tensor.rawData]
}

/** A tensor's 64-bit integers; none of any other type. */
export function longsOf(tensor: OnnxTensor | null | undefined): readonly number[] {
  if (tensor?.dataType !== elementTypes.int64) return []
  if (tensor.rawData.length === 0) return tensor.int64Data
  return [...new BigInt64Array(Uint8Array.from(tensor.rawData).buffer)].map(Number)
}
