import { type GraphPart, node, tensor } from './messages.ts'

/**
 * The answers of a binary task, made of `positive`, the probability of class 1 [rows, 1] float32: the probabilities of
 * both classes, and the likelier class.
 * @param mark what the names of values in between begin with, `positive` too
 */
export function binaryAnswers(mark: '' | ':'): GraphPart {
  const [positive, negative, one] = [`${mark}positive`, `${mark}negative`, `${mark}one`]
  return {
    nodes: [
      node('Sub', '', [one, positive], [negative], []),
      node('Concat', '', [negative, positive], ['probabilities'], [['axis', 'int', 1]]),
      node(
        'ArgMax',
        '',
        ['probabilities'],
        ['label'],
        [
          ['axis', 'int', 1],
          ['keepdims', 'int', 0],
        ],
      ),
    ],
    constants: [tensor(one, Float32Array.of(1))],
  }
}
