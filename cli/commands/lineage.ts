import type { ModelOrigin, Uses } from '../../client/ancestry.ts'
import {
  type BatchLineage,
  type LineageDocument,
  type LineageStep,
  type ModelLineage,
  readLineage,
  type SnapshotLineage,
} from '../../client/lineage.ts'
import type { PredictionDocument } from '../../client/trace.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/**
 * `lineage flights@2`, a snapshot, a batch, a prediction: what it was made from, up to the commit, and what was made of
 * it.
 */
export async function lineage(what: string, options: JsonOption): Promise<number> {
  const document = await readLineage(openContext(), what)
  if (options.json === true) printJson(document)
  else for (const line of linesOf(document)) print(line)
  return 0
}

function linesOf(document: LineageDocument): string[] {
  if ('request' in document) return predictionLines(document)
  if ('snapshot' in document && 'models' in document) return snapshotLines(document)
  return 'batch' in document ? batchLines(document) : modelLines(document)
}

function predictionLines(prediction: PredictionDocument): string[] {
  const { request, endpoint, model } = prediction
  return [`${colors.bold(request)}  a prediction of ${endpoint}`, `  ← ${nameOf(model)}`, ...originLines(prediction)]
}

function modelLines(document: ModelLineage): string[] {
  const { model, madeBy, usedBy } = document
  return [
    `${colors.bold(`${model.name} version ${model.version}`)} ${shortDigest(model.digest)}`,
    ...originLines(document),
    ...madeBy.map((step) => `  ← ${stepLine(step)}`),
    ...usedBy.map((step) => `  → ${stepLine(step)}`),
    ...useLines(document).map((line) => `  ${line}`),
  ]
}

function snapshotLines({ snapshot, madeBy, models }: SnapshotLineage): string[] {
  const lines = models.flatMap(({ name, version, digest, ...used }) => [
    `  → ${name === null ? `a model that was not registered (${shortDigest(digest)})` : nameOf({ name, version, digest })}`,
    ...useLines(used).map((line) => `      ${line}`),
  ])
  return [
    `${colors.bold(`snapshot ${shortDigest(snapshot)}`)}`,
    ...madeBy.map((step) => `  ← read by run ${step.run}`),
    ...(lines.length === 0 ? ['  → no model was made from it'] : lines),
  ]
}

function batchLines(document: BatchLineage): string[] {
  const { batch, manifest, inForce, rows, inputs, model } = document
  return [
    `${colors.bold(batch)} manifest ${shortDigest(manifest)}${inForce ? '' : ' (superseded)'}, ${rows.scored} rows scored`,
    ...inputs.map(({ uri, digest }) => `  ← ${uri} ${shortDigest(digest)}`),
    `  ← ${nameOf(model)}`,
    ...originLines(document),
  ]
}

function nameOf({ name, version, digest }: { name: string; version: number | null; digest: string | null }): string {
  return `${name} version ${version}${digest === null ? '' : ` (${shortDigest(digest)})`}`
}

function originLines({ run, snapshot, commit, tree }: ModelOrigin): string[] {
  return [
    `  ← run ${run ?? 'not on record'}, commit ${commit ?? 'unknown'}${tree === 'dirty' ? ' and what was not committed' : ''}`,
    `  ← snapshot ${snapshot === null ? 'not on record' : shortDigest(snapshot)}`,
  ]
}

function useLines({ endpoints, rollouts, batches }: Uses): string[] {
  return [
    ...endpoints.map(({ endpoint, now, served }) => {
      const stretches = served.map(
        ({ role, from, to }) => `${role} in revision${from === to ? ` ${from}` : `s ${from} to ${to}`}`,
      )
      return `→ endpoint ${endpoint}: ${now === null ? 'not any more' : `${now} now`}; ${stretches.join(', ')}`
    }),
    ...rollouts.map(
      ({ id, role, outcome, reason }) =>
        `→ rollout ${id} as ${role}: ${outcome === null ? 'going on' : `${outcome}, ${reason}`}`,
    ),
    ...batches.map(
      ({ batch, generation, manifest, rows, inForce }) =>
        `→ batch ${batch}${generation === 1 ? '' : `, generation ${generation}`}: ${rows.toLocaleString('en')} rows, manifest ${shortDigest(manifest)}${inForce ? '' : ' (superseded)'}`,
    ),
  ]
}

function stepLine({ step, run, inputs, code: used, outputs }: LineageStep): string {
  const list = (digests: Readonly<Record<string, string>>): string =>
    Object.entries(digests)
      .map(([name, digest]) => `${name} ${shortDigest(digest)}`)
      .join(', ')
  const code = Object.keys(used).length > 0 ? ` with code ${list(used)}` : ''
  return `${step.padEnd(9)} made ${list(Object.fromEntries(outputs.map(({ name, digest }) => [name, digest])))}\n               from ${list(inputs)}${code}  (run ${run})`
}
