import { parse } from 'yaml'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import type { MlflowServer } from './mlflow.ts'
import { tags } from './track.ts'

/** A registered model of MLflow, as its own tools name it: `models:/flights@champion`, `models:/flights/3`. */
export interface ModelUri {
  readonly model: string
  readonly which: { readonly alias: string } | { readonly version: string }
}

/** What a model of Unity Catalog, `catalog.schema.model`, is called in its schema; another is called so itself. */
export const shortName = (model: string): string => /^[^.]+\.[^.]+\.([^.]+)$/.exec(model)?.[1] ?? model

/** A model that was registered in MLflow. */
export interface FetchedModel {
  /** The number of the version there. */
  readonly version: string
  /** Its ONNX file. */
  readonly file: string
  /** That file and those beside it, which may hold its weights. */
  readonly files: ReadonlyMap<string, Buffer>
}

/** @returns undefined for what names no version */
export function modelUriOf(text: string): ModelUri | undefined {
  const [, model, version, alias] = /^models:\/([^/@\s.][^/@\s]*)(?:\/([1-9]\d*)|@([^/@\s]+))$/.exec(text) ?? []
  if (model === undefined) return undefined
  return { model, which: version === undefined ? { alias: alias as string } : { version } }
}

/** What is used of a file `MLmodel` (mlflow.org, MLflow Models): the flavour `onnx`. */
const MlModel = z.object({
  flavors: z.record(z.string(), z.looseObject({ data: z.string().optional() })),
})

/**
 * Fetches the ONNX model of a version that somebody registered in MLflow.
 * @throws SlipwayError NOT_FOUND; MODEL_INVALID where it is no ONNX model, USAGE where it is Slipway's own
 */
export async function fetchModel(server: MlflowServer, { model, which }: ModelUri): Promise<FetchedModel> {
  const found = await server.findVersion(model, which)
  const name = 'alias' in which ? `${model}@${which.alias}` : `${model}/${which.version}`
  if (found === undefined)
    throw new SlipwayError('NOT_FOUND', `the registry has no models:/${name}`, { next: 'look into its registry' })
  const own = found.tags.find(({ key }) => key === tags.version)?.value
  if (own !== undefined)
    throw new SlipwayError('USAGE', `models:/${name} is version ${own} of ${model}, which Slipway wrote there itself`, {
      next: `slipway show ${shortName(model)}@${own}`,
    })
  const invalid = (why: string): SlipwayError =>
    new SlipwayError('MODEL_INVALID', `models:/${name} cannot be taken: ${why}`, {
      next: 'log it with mlflow.onnx.log_model',
    })
  const text = await server.getArtifact(found, 'MLmodel')
  if (text === undefined) throw invalid('it has no file MLmodel')
  const read = MlModel.safeParse(parsed(text.toString()))
  const flavour = read.data?.flavors.onnx
  if (flavour?.data === undefined)
    throw invalid(`it has no flavour onnx, but ${Object.keys(read.data?.flavors ?? {}).join(', ') || 'none'}`)
  const files = new Map<string, Buffer>()
  // What a server says is called so is a name of ours only where it is one in this folder.
  for (const file of (await server.listArtifacts(found)).filter((each) => !/^\.|[/\\]/.test(each))) {
    const bytes = await server.getArtifact(found, file)
    if (bytes !== undefined) files.set(file, bytes)
  }
  if (!files.has(flavour.data)) throw invalid(`its file ${flavour.data} is not beside its MLmodel`)
  return { version: found.version, file: flavour.data, files }
}

function parsed(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}
