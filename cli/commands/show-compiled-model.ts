import { readCompiledModel, readCompiledText, whyNone } from '../../client/compiled-model.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import type { EngineSpeed } from '../../lib/jobs/measure-engines.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { print, printJson } from '../output.ts'

export interface CompiledModelOptions {
  readonly json?: boolean
  readonly text?: boolean
}

const count = (value: number): string => value.toLocaleString('en')
const speedInWords = ({ rowsPerSecond, singleRowUs }: EngineSpeed): string =>
  `${count(Math.round(rowsPerSecond))} rows/s, a single row ${singleRowUs.toFixed(1)} µs`

/** What scores a version: its compiled model's size, shape and proof, or why it has none; and how fast it is here. */
export async function showCompiledModel(model: string, options: CompiledModelOptions): Promise<number> {
  const context = openContext()
  if (options.text === true) {
    const document = await readCompiledText(context, model)
    if (options.json === true) printJson(document)
    else print(document.text)
    return 0
  }
  const document = await readCompiledModel(context, model)
  if (options.json === true) {
    printJson(document)
    return 0
  }
  const { name, version, digest, compiledModel: report, speed } = document
  const line = (what: string, text: string): void => print(`${colors.dim(what.padEnd(12))}${text}`)
  print(`${colors.bold(`${name} version ${version}`)}  ${digest}`)
  if (report?.status !== 'proven') line('compiled', `none: ${whyNone(report)}`)
  else {
    const { shape, proof } = report
    line(
      'compiled',
      `code ${shortDigest(report.code)} (${count(shape.codeBytes)} bytes), tables ${shortDigest(report.tables)} (${count(shape.tableBytes)} bytes)`,
    )
    line(
      'shape',
      `${shape.trees} trees of at most ${shape.leaves} leaves, ${shape.features} features, ${count(shape.thresholds)} thresholds, masks of ${shape.laneBits} bits`,
    )
    line(
      'proof',
      `no bit differs from onnxruntime ${proof.onnxruntime} (one thread, ${proof.platform}) on ${count(proof.tableRows)} validation rows and ${count(proof.fuzzRows)} made-up rows;`,
    )
    line('', `${count(proof.values)} values are in their bins, ${count(proof.masks)} masks are those of plain walks`)
  }
  if (speed !== null) {
    if (speed.compiledModel !== undefined) line('here', `compiled ${speedInWords(speed.compiledModel)}`)
    line(speed.compiledModel === undefined ? 'here' : '', `ONNX Runtime ${speedInWords(speed.onnxruntime)}`)
    if (speed.compiledModel !== undefined)
      line('', `${(speed.compiledModel.rowsPerSecond / speed.onnxruntime.rowsPerSecond).toFixed(1)} times as many rows`)
  }
  return 0
}
