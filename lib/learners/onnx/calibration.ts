import { type Calibration, segmentsOf } from '../../stats/calibration.ts'
import { binaryAnswers } from './binary-answers.ts'
import { type GraphPart, node, tensor } from './messages.ts'

/** Of TensorProto.DataType. */
const [toFloat, toLong, toDouble] = [1, 7, 11] as const

/**
 * The answers of a binary task, made of a score [rows, 1] float32 by a calibration: in float64, as `calibrated` does.
 * @param mark what the names of values in between begin with
 */
export function calibratedAnswers(calibration: Calibration, score: string, mark: '' | ':'): GraphPart {
  const exact = `${mark}calibration_score`
  const made = (calibration.method === 'platt' ? curve : linesOf)(calibration as never, exact, mark)
  const answers = binaryAnswers(mark)
  return {
    nodes: [
      node('Cast', '', [score], [exact], [['to', 'int', toDouble]]),
      ...made.nodes,
      node('Cast', '', [`${mark}calibration_answer`], [`${mark}positive`], [['to', 'int', toFloat]]),
      ...answers.nodes,
    ],
    constants: [...made.constants, ...answers.constants],
  }
}

function curve(
  { slope, intercept }: Extract<Calibration, { method: 'platt' }>,
  score: string,
  mark: string,
): GraphPart {
  return {
    nodes: [
      node('Mul', '', [score, `${mark}calibration_slope`], [`${mark}calibration_scaled`], []),
      node('Add', '', [`${mark}calibration_scaled`, `${mark}calibration_shift`], [`${mark}calibration_sum`], []),
      node('Sigmoid', '', [`${mark}calibration_sum`], [`${mark}calibration_answer`], []),
    ],
    constants: [
      tensor(`${mark}calibration_slope`, Float64Array.of(slope)),
      tensor(`${mark}calibration_shift`, Float64Array.of(intercept)),
    ],
  }
}

/**
 * The probability that a score [rows, 1] stands for: it counts the lines that begin at or below it, and the last of
 * them is its own.
 */
export function linesOf(
  calibration: Extract<Calibration, { method: 'isotonic' }>,
  score: string,
  mark: string,
): GraphPart {
  const { starts, values, slopes, last } = segmentsOf(calibration)
  const named = (name: string): string => `${mark}calibration_${name}`
  return {
    nodes: [
      node('Max', '', [score, named('first_score')], [named('from_first')], []),
      node('Min', '', [named('from_first'), named('last_score')], [named('within')], []),
      node('GreaterOrEqual', '', [named('within'), named('starts')], [named('begun')], []),
      node('Cast', '', [named('begun')], [named('begun_ones')], [['to', 'int', toLong]]),
      node('ReduceSum', '', [named('begun_ones'), named('columns')], [named('begun_lines')], [['keepdims', 'int', 1]]),
      node('Sub', '', [named('begun_lines'), named('one_line')], [named('line')], []),
      node('Gather', '', [named('starts'), named('line')], [named('start')], [['axis', 'int', 0]]),
      node('Gather', '', [named('slopes'), named('line')], [named('line_slope')], [['axis', 'int', 0]]),
      node('Gather', '', [named('values'), named('line')], [named('line_value')], [['axis', 'int', 0]]),
      node('Sub', '', [named('within'), named('start')], [named('run')], []),
      node('Mul', '', [named('run'), named('line_slope')], [named('rise')], []),
      node('Add', '', [named('rise'), named('line_value')], [named('answer')], []),
    ],
    constants: [
      tensor(named('first_score'), Float64Array.of(starts[0] as number)),
      tensor(named('last_score'), Float64Array.of(last)),
      tensor(named('starts'), starts),
      tensor(named('slopes'), slopes),
      tensor(named('values'), values),
      tensor(named('columns'), BigInt64Array.of(1n)),
      tensor(named('one_line'), BigInt64Array.of(1n)),
    ],
  }
}
