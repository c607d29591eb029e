import { type GraphPart, node, tensor } from './messages.ts'

/**
 * The label of several classes, made of `probabilities` [rows, classes]: the name of the likeliest, the first of equal
 * ones.
 */
export function classAnswers(classes: readonly string[]): GraphPart {
  return {
    nodes: [
      node(
        'ArgMax',
        '',
        ['probabilities'],
        ['likeliest'],
        [
          ['axis', 'int', 1],
          ['keepdims', 'int', 0],
        ],
      ),
      node('Gather', '', ['classes', 'likeliest'], ['label'], [['axis', 'int', 0]]),
    ],
    constants: [tensor('classes', classes)],
  }
}
