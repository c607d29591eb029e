import { shortDigest } from '../formats/artifact.ts'
import { type OptimisedFacts, optimiseInWords } from '../formats/optimise.ts'
import { show } from '../formats/show-number.ts'

/** What a card says of a graph that was optimised: a paragraph of its own, or nothing. */
export function optimisedInWords(optimised: OptimisedFacts | undefined): string {
  if (optimised === undefined) return ''
  const { fuse, quantize, model, bytes, weights, compared, largest, metric, difference } = optimised
  const count = (value: number): string => value.toLocaleString('en-US')
  const how = [
    ...(quantize === undefined
      ? []
      : [
          `Weights are ${quantize}: those of ${weights?.products ?? 0} products, a scale a column, and of ${weights?.tables ?? 0} tables, a scale a row; what they are multiplied with is quantised row by row, so that an answer does not depend on what else is asked.`,
        ]),
    ...(fuse ? ["The graph is ONNX Runtime's own, with constants folded and operators joined."] : []),
  ]
  const beside =
    metric === undefined
      ? `answers moved by ${show(difference ?? 0)} of their spread (root mean square, of the output where it is most)`
      : `${metric.name} ${show(metric.before)} before and ${show(metric.after)} after, answers at most ${show(largest ?? 0)} apart`
  return `

### Optimised
${how.join(' ')} It was \`${shortDigest(model)}\` of ${count(bytes.before)} bytes and is ${count(bytes.after)} bytes. On ${count(compared)} ${metric === undefined ? 'samples' : 'validation rows'}: ${beside}.`
}

/** The same in a line. */
export function optimisedBriefly(optimised: OptimisedFacts): string {
  const { bytes, metric } = optimised
  const count = (value: number): string => value.toLocaleString('en-US')
  const kept = metric === undefined ? '' : `; ${metric.name} ${show(metric.before)} before, ${show(metric.after)} after`
  return `${optimiseInWords(optimised)}: ${count(bytes.after)} bytes, ${count(bytes.before)} before${kept}`
}
