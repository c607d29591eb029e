import { readFile } from 'node:fs/promises'
import { SlipwayError } from '../lib/formats/errors.ts'
import { type EngineSpeed, measureEngines } from '../lib/jobs/measure-engines.ts'
import { CompiledModelReport } from '../lib/models/compiled-model.ts'
import { compiledText } from '../lib/models/compiled-text.ts'
import type { LocalModel } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { trustedKeysOf } from '../workers/settings.ts'
import type { StoreContext } from './context.ts'
import { requireVersion } from './model-version.ts'

/** What scores a version. */
export interface CompiledModelDocument {
  readonly name: string
  readonly version: number
  readonly digest: string
  /** Its size, shape and proof, or why it was refused; null of packages of before models were compiled. */
  readonly compiledModel: CompiledModelReport | null
  /** Why there is no report; null where there is one. */
  readonly reason: string | null
  /** How fast it is on this machine; null where it cannot be measured. */
  readonly speed: { readonly compiledModel: EngineSpeed | undefined; readonly onnxruntime: EngineSpeed } | null
}

/** What a version is compiled to. */
export interface CompiledText extends Pick<CompiledModelDocument, 'name' | 'version' | 'digest'> {
  readonly text: string
}

/**
 * What scores a version, and how fast that is here, as `slipway show <model> --compiled --json` prints it.
 * @throws SlipwayError NOT_FOUND
 */
export async function readCompiledModel(context: StoreContext, what: string): Promise<CompiledModelDocument> {
  const { model: name, version, digest } = await requireVersion(context.store, what)
  const local = await localOf(context, digest)
  const report = await reportOf(local)
  const speed = await measureEngines(local)
  const reason = report === undefined ? whyNone(report) : null
  return { name, version, digest, compiledModel: report ?? null, reason, speed: speed ?? null }
}

/** The code that a version is compiled to, as WebAssembly text. @throws SlipwayError NOT_FOUND where it is not */
export async function readCompiledText(context: StoreContext, what: string): Promise<CompiledText> {
  const { model: name, version, digest } = await requireVersion(context.store, what)
  const local = await localOf(context, digest)
  const report = await reportOf(local)
  if (report?.status !== 'proven')
    throw new SlipwayError('NOT_FOUND', `version ${version} of ${name} has no compiled model: ${whyNone(report)}`)
  return { name, version, digest, text: await compiledText(local) }
}

/** Why a version has no compiled model; '' where it has one. */
export function whyNone(report: CompiledModelReport | null | undefined): string {
  if (report == null) return 'it was packaged before models were compiled'
  return report.status === 'refused' ? report.reason : ''
}

const localOf = ({ store, settings }: StoreContext, digest: string): Promise<LocalModel> =>
  localModel({ store, trusted: trustedKeysOf(settings) }, digest)

async function reportOf({ compiledModel }: LocalModel): Promise<CompiledModelReport | undefined> {
  if (compiledModel === undefined) return undefined
  return CompiledModelReport.parse(JSON.parse(await readFile(compiledModel.reportFile, 'utf8')))
}
