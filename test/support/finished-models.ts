import protobuf from 'protobufjs'

/*
 * ONNX files as exporters write them, by a schema of their own: what reads them in Slipway is not what wrote them.
 */
const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id })
const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        ir: { type: 'int64', id: 1 },
        producer: { type: 'string', id: 2 },
        graph: { type: 'Graph', id: 7 },
        opsets: repeated('Opset', 8),
        metadata: repeated('Pair', 14),
      },
    },
    Opset: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    Pair: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    Graph: {
      fields: {
        nodes: repeated('Node', 1),
        name: { type: 'string', id: 2 },
        constants: repeated('Tensor', 5),
        inputs: repeated('Value', 11),
        outputs: repeated('Value', 12),
        between: repeated('Value', 13),
      },
    },
    Node: {
      fields: {
        inputs: repeated('string', 1),
        outputs: repeated('string', 2),
        name: { type: 'string', id: 3 },
        operator: { type: 'string', id: 4 },
        attributes: repeated('Attribute', 5),
        domain: { type: 'string', id: 7 },
      },
    },
    Attribute: {
      fields: {
        name: { type: 'string', id: 1 },
        f: { type: 'float', id: 2 },
        i: { type: 'int64', id: 3 },
        s: { type: 'bytes', id: 4 },
        t: { type: 'Tensor', id: 5 },
        g: { type: 'Graph', id: 6 },
        floats: repeated('float', 7),
        ints: repeated('int64', 8),
        strings: repeated('bytes', 9),
        type: { type: 'int32', id: 20 },
      },
    },
    Tensor: {
      fields: {
        dims: repeated('int64', 1),
        type: { type: 'int32', id: 2 },
        name: { type: 'string', id: 8 },
        raw: { type: 'bytes', id: 9 },
        external: repeated('Pair', 13),
        location: { type: 'int32', id: 14 },
      },
    },
    Value: { fields: { name: { type: 'string', id: 1 }, type: { type: 'Type', id: 2 } } },
    Type: {
      fields: {
        tensor: { type: 'TensorType', id: 1 },
        sequence: { type: 'Sequence', id: 4 },
        map: { type: 'Map', id: 5 },
        optional: { type: 'Sequence', id: 9 },
      },
    },
    Sequence: { fields: { of: { type: 'Type', id: 1 } } },
    Map: { fields: { key: { type: 'int32', id: 1 }, value: { type: 'Type', id: 2 } } },
    TensorType: { fields: { element: { type: 'int32', id: 1 }, shape: { type: 'Shape', id: 2 } } },
    Shape: { fields: { sizes: repeated('Size', 1) } },
    Size: { fields: { value: { type: 'int64', id: 1 }, name: { type: 'string', id: 2 } } },
  },
})
const modelType = root.lookupType('Model')

/** Of TensorProto.DataType. */
export const types = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
} as const

/** An input or output; sizes by name may be any. */
export const tensorValue = (name: string, element: number, sizes?: readonly (number | string)[]) => ({
  name,
  type: {
    tensor: {
      element,
      ...(sizes && {
        shape: { sizes: sizes.map((size) => (typeof size === 'string' ? { name: size } : { value: size })) },
      }),
    },
  },
})

type Attributes = Readonly<Record<string, unknown>>

/** A node with its attributes by name: whole numbers are ints, others floats, texts and lists what they hold. */
export const op = (
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = '',
) => ({ operator, inputs, outputs, domain, attributes: Object.entries(attributes).map(attributeOf) })

/** A number that is written as a float, however whole it is. */
export class Float {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

function attributeOf([name, value]: [string, unknown]): object {
  const bytes = (text: unknown): Uint8Array => new TextEncoder().encode(text as string)
  if (typeof value === 'number') return { name, i: value, type: 2 }
  if (value instanceof Float) return { name, f: value.value, type: 1 }
  if (typeof value === 'string') return { name, s: bytes(value), type: 3 }
  if (value instanceof Float32Array) return { name, floats: [...value], type: 6 }
  if (Array.isArray(value))
    return typeof value[0] === 'string'
      ? { name, strings: value.map(bytes), type: 8 }
      : { name, ints: value as number[], type: 7 }
  return 'nodes' in (value as object) ? { name, g: value, type: 5 } : { name, t: value, type: 4 }
}

/** A constant. */
export const constant = (
  name: string,
  dims: readonly number[],
  values: Float32Array | Float64Array | BigInt64Array,
) => ({
  name,
  dims,
  type: values instanceof Float32Array ? types.float : values instanceof Float64Array ? types.double : types.int64,
  raw: new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength)),
})

/** A constant whose bytes lie elsewhere. */
export const constantAt = (
  name: string,
  dims: readonly number[],
  place: Readonly<Record<string, string | number>>,
) => ({
  name,
  dims,
  type: types.float,
  location: 1,
  external: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
})

export interface GraphOf {
  readonly nodes: readonly object[]
  readonly inputs: readonly object[]
  readonly outputs: readonly object[]
  readonly constants?: readonly object[]
}

export function onnxFile(
  graph: GraphOf,
  { ir = 8, opsets = { '': 17, 'ai.onnx.ml': 3 } as Readonly<Record<string, number>> } = {},
): Uint8Array {
  const model = {
    ir,
    producer: 'elsewhere',
    opsets: Object.entries(opsets).map(([domain, version]) => ({ domain, version })),
    metadata: [{ key: 'author', value: 'somebody' }],
    graph: { name: 'made elsewhere', constants: [], ...graph },
  }
  return modelType.encode(modelType.fromObject(model)).finish()
}

/** What a file says, as it was written above. */
// biome-ignore lint/suspicious/noExplicitAny: whatever is in a file
export const readBack = (bytes: Uint8Array): any =>
  modelType.toObject(modelType.decode(bytes), { longs: Number, arrays: true })

/** A weight for the whole numbers of `purpose`, as converters encode text. */
export const purposes = { car: 0.4, home: 0.4, travel: -1.2, tools: 0.4 }

/**
 * A model of the loans that `loansSql` makes, one input a column as skl2onnx writes a pipeline of columns: float, int64
 * and string. It knows what the rows were made by.
 */
export function loanModel(): Uint8Array {
  return onnxFile({
    inputs: [
      tensorValue('income', types.float, ['N', 1]),
      tensorValue('years', types.int64, ['N', 1]),
      tensorValue('purpose', types.string, ['N', 1]),
    ],
    nodes: [
      op('Cast', ['years'], ['age'], { to: types.float }),
      op(
        'LabelEncoder',
        ['purpose'],
        ['of purpose'],
        {
          keys_strings: Object.keys(purposes),
          values_floats: Float32Array.from(Object.values(purposes)),
          default_float: new Float(0),
        },
        'ai.onnx.ml',
      ),
      op('Concat', ['income', 'age', 'of purpose'], ['X'], { axis: 1 }),
      op('MatMul', ['X', 'W'], ['sum']),
      op('Add', ['sum', 'b'], ['logit']),
      op('Sigmoid', ['logit'], ['bad']),
      op('Sub', ['one', 'bad'], ['good']),
      op('Concat', ['good', 'bad'], ['probabilities'], { axis: 1 }),
      op('ArgMax', ['probabilities'], ['label'], { axis: 1, keepdims: 0 }),
    ],
    constants: [
      constant('W', [3, 1], Float32Array.of(-1 / 12_000, 0.001, -1)),
      constant('b', [1], Float32Array.of(45_000 / 12_000)),
      constant('one', [1], Float32Array.of(1)),
    ],
    outputs: [tensorValue('label', types.int64, ['N']), tensorValue('probabilities', types.float, ['N', 2])],
  })
}
