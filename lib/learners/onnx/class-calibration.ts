import type { Calibration } from '../../stats/calibration.ts'
import { leastOthers } from '../../stats/class-calibration.ts'
import { linesOf } from './calibration.ts'
import { classAnswers } from './class-answers.ts'
import { type GraphNode, type GraphPart, node, type Tensor, tensor } from './messages.ts'

/** Of TensorProto.DataType. */
const [toFloat, toDouble] = [1, 11] as const

/** Names of values in between. */
const named = (name: string): string => `:calibration_${name}`

/**
 * The answers of several classes, made of scores [rows, classes], float32 or float64, by a calibration of each: in
 * float64, as `calibratedClasses` does.
 */
export function calibratedClassAnswers(
  calibrations: readonly Calibration[],
  scores: string,
  classes: readonly string[],
): GraphPart {
  const [odds, own, answers] = [logOdds(scores, classes.length), probabilities(calibrations), classAnswers(classes)]
  return {
    nodes: [
      ...odds.nodes,
      ...own.nodes,
      node('ReduceSum', '', [named('own'), named('class_axis')], [named('total')], [['keepdims', 'int', 1]]),
      // All alike where all are 0.
      node('Equal', '', [named('total'), named('nothing')], [named('is_nothing')], []),
      node('Where', '', [named('is_nothing'), named('alike'), named('total')], [named('divisor')], []),
      node('Where', '', [named('is_nothing'), named('unit'), named('own')], [named('shares')], []),
      node('Div', '', [named('shares'), named('divisor')], [named('answers')], []),
      node('Cast', '', [named('answers')], ['probabilities'], [['to', 'int', toFloat]]),
      ...answers.nodes,
    ],
    constants: [
      ...odds.constants,
      ...own.constants,
      tensor(named('class_axis'), BigInt64Array.of(1n)),
      tensor(named('nothing'), Float64Array.of(0)),
      tensor(named('unit'), Float64Array.of(1)),
      tensor(named('alike'), Float64Array.of(classes.length)),
      ...answers.constants,
    ],
  }
}

/** The log odds of each class against all others together: `odds` [rows, classes]. */
function logOdds(scores: string, classes: number): GraphPart {
  const others = Float64Array.from({ length: classes ** 2 }, (_, i) => (i % (classes + 1) === 0 ? 0 : 1))
  return {
    nodes: [
      node('Cast', '', [scores], [named('scores')], [['to', 'int', toDouble]]),
      node(
        'ReduceMax',
        '',
        [named('scores')],
        [named('largest')],
        [
          ['axes', 'ints', [1]],
          ['keepdims', 'int', 1],
        ],
      ),
      node('Sub', '', [named('scores'), named('largest')], [named('less')], []),
      node('Exp', '', [named('less')], [named('powers')], []),
      node('MatMul', '', [named('powers'), named('of_others')], [named('others')], []),
      node('Max', '', [named('others'), named('least')], [named('some_others')], []),
      node('Log', '', [named('some_others')], [named('against')], []),
      node('Sub', '', [named('less'), named('against')], [named('odds')], []),
    ],
    constants: [
      tensor(named('of_others'), others, [classes, classes]),
      tensor(named('least'), Float64Array.of(leastOthers)),
    ],
  }
}

/** The probability of each class by itself: `own` [rows, classes]. */
function probabilities(calibrations: readonly Calibration[]): GraphPart {
  const curves = calibrations.flatMap((each) => (each.method === 'platt' ? [each] : []))
  if (curves.length === calibrations.length)
    return {
      nodes: [
        node('Mul', '', [named('odds'), named('slopes')], [named('scaled')], []),
        node('Add', '', [named('scaled'), named('shifts')], [named('sums')], []),
        node('Sigmoid', '', [named('sums')], [named('own')], []),
      ],
      constants: [
        tensor(
          named('slopes'),
          Float64Array.from(curves, ({ slope }) => slope),
        ),
        tensor(
          named('shifts'),
          Float64Array.from(curves, ({ intercept }) => intercept),
        ),
      ],
    }
  const nodes: GraphNode[] = []
  const constants: Tensor[] = []
  const answers: string[] = []
  calibrations.forEach((calibration, i) => {
    if (calibration.method !== 'isotonic') return
    const mark = `:class_${i}_`
    const [column, score] = [`${mark}column`, `${mark}odds`]
    const lines = linesOf(calibration, score, mark)
    nodes.push(node('Gather', '', [named('odds'), column], [score], [['axis', 'int', 1]]), ...lines.nodes)
    constants.push(tensor(column, BigInt64Array.of(BigInt(i))), ...lines.constants)
    answers.push(`${mark}calibration_answer`)
  })
  nodes.push(node('Concat', '', answers, [named('own')], [['axis', 'int', 1]]))
  return { nodes, constants }
}
