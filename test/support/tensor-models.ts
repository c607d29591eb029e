import { seededRandom } from '../../lib/stats/random.ts'
import { constant, onnxFile, op, tensorValue, types } from './finished-models.ts'

/*
 * Models of tensors alone, as exporters write them.
 */

/** Numbers of about one, the same for the same seed. */
export function noise(size: number, seed: number, scale = 1): Float32Array {
  const next = seededRandom(seed)
  return Float32Array.from({ length: size }, () => scale * (next() / 2 ** 31 - 1))
}

/**
 * An encoder of images [batch, 3, 8, 8]: a convolution, its positive part, means over the image, four numbers an image;
 * and which of the four is largest.
 * @param shift added to every weight: a little is another training, much another model
 * @param isForDim the root of what dim images leave: NaN of bright ones
 */
export function imageEncoder({ shift = 0, isForDim = false } = {}): Uint8Array {
  const weights = noise(4 * 3 * 3 * 3, 7).map((weight) => weight + shift)
  const end = isForDim ? [op('Sub', ['much', 'pooled'], ['less']), op('Sqrt', ['less'], ['embedding'])] : []
  return onnxFile({
    inputs: [tensorValue('image', types.float, ['batch', 3, 8, 8])],
    nodes: [
      op('Conv', ['image', 'W'], ['sums'], { kernel_shape: [3, 3] }),
      op('Relu', ['sums'], ['positive']),
      op('ReduceMean', ['positive'], [isForDim ? 'pooled' : 'embedding'], { axes: [2, 3], keepdims: 0 }),
      ...end,
      op('ArgMax', ['embedding'], ['kind'], { axis: 1, keepdims: 0 }),
    ],
    constants: [
      constant('W', [4, 3, 3, 3], weights),
      ...(isForDim ? [constant('much', [1], Float32Array.of(0.2))] : []),
    ],
    outputs: [tensorValue('embedding', types.float, ['batch', 4]), tensorValue('kind', types.int64, ['batch'])],
  })
}

/** An encoder of texts as tokens: embeddings, and their mean over the tokens that the mask has. */
export function textEncoder(tokens = 20, width = 6): Uint8Array {
  return onnxFile({
    inputs: [
      tensorValue('input_ids', types.int64, ['batch', 'sequence']),
      tensorValue('attention_mask', types.int64, ['batch', 'sequence']),
    ],
    nodes: [
      op('Gather', ['table', 'input_ids'], ['tokens'], { axis: 0 }),
      op('Cast', ['attention_mask'], ['mask'], { to: types.float }),
      op('Unsqueeze', ['mask', 'last'], ['wide']),
      op('Mul', ['tokens', 'wide'], ['kept']),
      op('ReduceSum', ['kept', 'second'], ['sum'], { keepdims: 0 }),
      op('ReduceSum', ['wide', 'second'], ['count'], { keepdims: 0 }),
      op('Div', ['sum', 'count'], ['sentence']),
    ],
    constants: [
      constant('table', [tokens, width], noise(tokens * width, 3)),
      constant('last', [1], BigInt64Array.of(2n)),
      constant('second', [1], BigInt64Array.of(1n)),
    ],
    outputs: [tensorValue('sentence', types.float, ['batch', width])],
  })
}

/** A model of texts themselves: the number of each that it knows, and the text again. */
export function textTagger(words: readonly string[]): Uint8Array {
  return onnxFile({
    inputs: [tensorValue('text', types.string, ['n'])],
    nodes: [
      op(
        'LabelEncoder',
        ['text'],
        ['number'],
        { keys_strings: [...words], values_int64s: words.map((_, i) => i), default_int64: -1 },
        'ai.onnx.ml',
      ),
      op('Identity', ['text'], ['again']),
    ],
    outputs: [tensorValue('number', types.int64, ['n']), tensorValue('again', types.string, ['n'])],
  })
}
