import { readFile } from 'node:fs/promises'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { type EngineSpeed, measureEngines } from '../../lib/jobs/measure-engines.ts'
import { CompiledModelReport } from '../../lib/models/compiled-model.ts'
import { compiledText } from '../../lib/models/compiled-text.ts'
import { localModel } from '../../lib/models/package.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
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
export async function showCompiledModel(
  { model: name, version, digest }: ModelVersion,
  options: CompiledModelOptions,
): Promise<number> {
  const { store, settings } = openContext()
  const local = await localModel({ store, trusted: trustedKeysOf(settings) }, digest)
  const report =
    local.compiledModel === undefined
      ? undefined
      : CompiledModelReport.parse(JSON.parse(await readFile(local.compiledModel.reportFile, 'utf8')))
  if (options.text === true) {
    if (report?.status !== 'proven')
      throw new SlipwayError('NOT_FOUND', `version ${version} of ${name} has no compiled model: ${reasonOf(report)}`)
    const text = await compiledText(local)
    if (options.json === true) printJson({ name, version, digest, text })
    else print(text)
    return 0
  }
  const speed = await measureEngines(local)
  if (options.json === true) {
    printJson({
      name,
      version,
      digest,
      compiledModel: report ?? null,
      reason: report === undefined ? reasonOf(report) : null,
      speed: speed ?? null,
    })
    return 0
  }
  const line = (what: string, text: string): void => print(`${colors.dim(what.padEnd(12))}${text}`)
  print(`${colors.bold(`${name} version ${version}`)}  ${digest}`)
  if (report?.status !== 'proven') line('compiled', `none: ${reasonOf(report)}`)
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
  if (speed !== undefined) {
    if (speed.compiledModel !== undefined) line('here', `compiled ${speedInWords(speed.compiledModel)}`)
    line(speed.compiledModel === undefined ? 'here' : '', `ONNX Runtime ${speedInWords(speed.onnxruntime)}`)
    if (speed.compiledModel !== undefined)
      line('', `${(speed.compiledModel.rowsPerSecond / speed.onnxruntime.rowsPerSecond).toFixed(1)} times as many rows`)
  }
  return 0
}

function reasonOf(report: CompiledModelReport | undefined): string {
  if (report === undefined) return 'it was packaged before models were compiled'
  return report.status === 'refused' ? report.reason : ''
}
