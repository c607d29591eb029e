import { shortDigest } from '../../lib/formats/artifact.ts'
import { batchId } from '../../lib/formats/batch-policy.ts'
import { BatchManifest, type BatchRecord } from '../../lib/formats/batch-records.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { readBatch } from '../../lib/store/batches.ts'
import { getBytes, getJson } from '../../lib/store/objects.ts'
import { listModels } from '../../lib/store/registry.ts'
import { neighbours, type StepRecord } from '../../lib/store/steps.ts'
import type { Store } from '../../lib/store/store.ts'
import { findArtifact } from '../artifact.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { type ModelOrigin, modelsBelow, originOfModel, readUses, stepsAbove, type Uses, versionOf } from '../lineage.ts'
import { registeredVersion } from '../model-version.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'
import { findPrediction } from './trace.ts'

/**
 * `lineage flights@2`, a snapshot, a batch, a prediction: what it was made from, up to the commit, and what was made of
 * it.
 */
export async function lineage(what: string, options: JsonOption): Promise<number> {
  const { store } = openContext()
  const found = await find(store, what)
  if (options.json === true) printJson(found.document)
  else for (const line of found.lines) print(line)
  return 0
}

/** A document for programs and lines for people. */
interface Found {
  readonly document: unknown
  readonly lines: readonly string[]
}

async function find(store: Store, what: string): Promise<Found> {
  const [owner = '', name = '', partition = '', ...rest] = what.split('/')
  const record = partition === '' || rest.length > 0 ? undefined : await readBatch(store, owner, name, partition)
  if (record !== undefined) return lineageOfBatch(store, record)
  const version = await registeredVersion(store, what)
  if (version !== undefined) return lineageOfModel(store, version)
  const hex = what.replace(/^sha256:/, '')
  const digest = /^[0-9a-f]{6,64}$/.test(hex) ? await findArtifact(store, hex) : undefined
  if (digest !== undefined) return lineageOfArtifact(store, digest)
  const prediction = await findPrediction(store, what)
  if (prediction !== undefined) {
    const { rows: _, masked: __, ...found } = prediction
    const { model } = found
    const lines = [
      `${colors.bold(what)}  a prediction of ${found.endpoint}`,
      `  ← ${nameOf(model)}`,
      ...originLines(found),
    ]
    return { document: { request: what, ...found }, lines }
  }
  throw new SlipwayError('NOT_FOUND', `there is no model, artifact, batch or prediction "${what}"`, {
    next: 'see `slipway models` and `slipway batch list`',
  })
}

/** Of a snapshot, a model or a batch's manifest. */
async function lineageOfArtifact(store: Store, digest: string): Promise<Found> {
  const content = parsed((await getBytes(store, digest)).toString('utf8'))
  if (content?.slipway === 'batch/1') {
    const { owner, name, slot: partition } = BatchManifest.parse(content)
    const record = await readBatch(store, owner, name, partition)
    if (record !== undefined) return lineageOfBatch(store, record, digest)
  }
  if (content?.slipway === 'bundle/1' && content.kind === 'snapshot') return lineageOfSnapshot(store, digest)
  if (content?.slipway === 'bundle/1' && content.kind === 'model') {
    const version = await versionOf(store, await listModels(store), digest)
    if (version !== undefined) return lineageOfModel(store, version)
  }
  throw new SlipwayError('USAGE', `${shortDigest(digest)} is no snapshot, registered model or manifest of a batch`, {
    next: `slipway show ${shortDigest(digest)}`,
  })
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function lineageOfModel(store: Store, version: ModelVersion): Promise<Found> {
  const above = await stepsAbove(store, version.digest)
  const below = (await neighbours(store, version.digest)).readBy
  const made = await originOfModel(store, version, above)
  const uses = await (await readUses(store))(version.digest)
  return {
    document: {
      model: { name: version.model, version: version.version, digest: version.digest },
      ...made,
      madeBy: above.map(describe),
      usedBy: below.map(describe),
      ...uses,
    },
    lines: [
      `${colors.bold(`${version.model} version ${version.version}`)} ${shortDigest(version.digest)}`,
      ...originLines(made),
      ...above.map((step) => `  ← ${stepLine(step)}`),
      ...below.map((step) => `  → ${stepLine(step)}`),
      ...useLines(uses).map((line) => `  ${line}`),
    ],
  }
}

async function lineageOfSnapshot(store: Store, snapshot: string): Promise<Found> {
  const { madeBy } = await neighbours(store, snapshot)
  const [names, uses, digests] = await Promise.all([listModels(store), readUses(store), modelsBelow(store, snapshot)])
  const models = []
  for (const digest of digests) {
    const version = await versionOf(store, names, digest)
    models.push({
      ...{ name: version?.model ?? null, version: version?.version ?? null, digest },
      ...(await uses(digest)),
    })
  }
  const lines = models.flatMap(({ name, version, digest, ...used }) => [
    `  → ${name === null ? `a model that was not registered (${shortDigest(digest)})` : nameOf({ name, version: Number(version), digest })}`,
    ...useLines(used).map((line) => `      ${line}`),
  ])
  return {
    document: { snapshot, madeBy: madeBy.map(describe), models },
    lines: [
      `${colors.bold(`snapshot ${shortDigest(snapshot)}`)}`,
      ...madeBy.map((step) => `  ← read by run ${step.run}`),
      ...(lines.length === 0 ? ['  → no model was made from it'] : lines),
    ],
  }
}

/** @param manifest that is asked about, where it is not the one in force */
async function lineageOfBatch(store: Store, record: BatchRecord, manifest = record.manifest.digest): Promise<Found> {
  const { model, inputs, rows } = await getJson(store, manifest, BatchManifest)
  const made = await originOfModel(store, model, await stepsAbove(store, model.digest))
  const batch = batchId(record.owner, record.name, record.slot)
  const inForce = manifest === record.manifest.digest
  const { origin: _, ...found } = made
  return {
    document: {
      batch,
      manifest,
      inForce,
      rows,
      inputs,
      model: { name: model.model, version: model.version, digest: model.digest },
      ...found,
    },
    lines: [
      `${colors.bold(batch)} manifest ${shortDigest(manifest)}${inForce ? '' : ' (superseded)'}, ${rows.scored} rows scored`,
      ...inputs.map(({ uri, digest }) => `  ← ${uri} ${shortDigest(digest)}`),
      `  ← ${nameOf({ ...model, name: model.model })}`,
      ...originLines(made),
    ],
  }
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

const describe = (step: StepRecord) => ({
  step: step.material.step,
  stepKey: step.stepKey,
  run: step.run,
  inputs: step.material.inputs,
  code: step.material.code,
  outputs: step.outputs.map(({ name, digest }) => ({ name, digest })),
})

function stepLine(step: StepRecord): string {
  const list = (digests: Record<string, string>): string =>
    Object.entries(digests)
      .map(([name, digest]) => `${name} ${shortDigest(digest)}`)
      .join(', ')
  const code = Object.keys(step.material.code).length > 0 ? ` with code ${list(step.material.code)}` : ''
  return `${step.material.step.padEnd(9)} made ${list(Object.fromEntries(step.outputs.map(({ name, digest }) => [name, digest])))}\n               from ${list(step.material.inputs)}${code}  (run ${step.run})`
}
