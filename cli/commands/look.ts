import { writeFileSync } from 'node:fs'
import colors from 'picocolors'
import { nearest } from '../../code/definition.ts'
import { hostVersions } from '../../code/host.ts'
import { planPipeline } from '../../code/plan.ts'
import { mediaTypes, shortDigest } from '../../pipelines/artifact.ts'
import { canonicalJson } from '../../pipelines/canonical.ts'
import { SlipwayError } from '../../pipelines/errors.ts'
import { MetricName, metricsInWords } from '../../pipelines/gates.ts'
import type { RunRecord } from '../../pipelines/records.ts'
import { show as showNumber } from '../../stats/gates.ts'
import { digestOfJson } from '../../store/digest.ts'
import { listKeys } from '../../store/documents.ts'
import { getBytes } from '../../store/objects.ts'
import { listModels, readModel, readVersion } from '../../store/registry.ts'
import { listRuns, readRun } from '../../store/runs.ts'
import { neighbours, type StepRecord } from '../../store/steps.ts'
import type { Store } from '../../store/store.ts'
import { runWorkflowId } from '../../workflows/messages.ts'
import { type CliContext, openContext, workflowLink } from '../context.ts'
import { forecast, readStepRecord, reasonItRan } from '../forecast.ts'
import { print, printJson, seconds, table } from '../output.ts'
import { runJson, summaryLines } from '../report.ts'

interface JsonOption {
  readonly json?: boolean
}

/** What a run would do now, without doing it. */
export async function plan(pipeline: string, options: JsonOption & { set?: readonly string[] }): Promise<number> {
  const { settings, store } = openContext()
  const host = hostVersions()
  const overrides = Object.fromEntries((options.set ?? []).map((text) => text.split('=') as [string, string]))
  const { plan: planned } = await planPipeline(settings.root, pipeline, host, overrides)
  const steps = await forecast(store, planned, host, settings.root)
  if (options.json === true) {
    printJson({ plan: { digest: digestOfJson(planned) }, steps })
    return 0
  }
  print(
    table(
      ['step', 'would', 'because'],
      steps.map(({ step, state, reason }) => [
        step,
        state === 'reused' ? 'be reused' : state === 'runs' ? 'run' : 'run always',
        reason,
      ]),
    ),
  )
  print(
    `\nplan ${shortDigest(digestOfJson(planned))}: ${steps.filter(({ state }) => state === 'reused').length} of ${steps.length} steps are reused`,
  )
  return 0
}

export async function runs(
  pipeline: string | undefined,
  options: JsonOption & { sort?: string; limit?: string },
): Promise<number> {
  const { store } = openContext()
  const records = await listRuns(store, pipeline, Number(options.limit ?? 20))
  const metric = options.sort
  if (metric !== undefined)
    records.sort(
      (a, b) => (b.metrics[metric] ?? Number.NEGATIVE_INFINITY) - (a.metrics[metric] ?? Number.NEGATIVE_INFINITY),
    )
  if (options.json === true) printJson(records.map(runJson))
  else if (records.length === 0) print('no finished runs yet: npx slipway run <pipeline> --wait')
  else {
    const metrics = MetricName.options
      .filter((name) => records.some((record) => record.metrics[name] !== undefined))
      .slice(0, 4)
    const rows = records.map((record) => [
      record.runId,
      record.status,
      record.model === null ? '' : `${record.model.name}@${record.model.version}`,
      ...metrics.map((name) => (record.metrics[name] === undefined ? '' : showNumber(record.metrics[name]))),
      `${record.steps.filter(({ cached }) => cached).length}/${record.steps.length}`,
    ])
    print(table(['run', 'status', 'model', ...metrics, 'reused'], rows))
  }
  return 0
}

export async function models(options: JsonOption): Promise<number> {
  const { store } = openContext()
  const documents = []
  for (const name of await listModels(store)) {
    const state = await readModel(store, name)
    if (state === undefined) continue
    const versions = await Promise.all(
      state.versions.map(async (digest, i) => ({
        version: i + 1,
        digest,
        aliases: aliasesOf(state, i + 1),
        ...(await readVersion(store, name, digest)),
      })),
    )
    documents.push({ name, champion: state.champions.at(-1) ?? null, candidate: state.candidate, versions })
  }
  if (options.json === true) printJson(documents)
  else if (documents.length === 0) print('no models yet: npx slipway run <pipeline> --wait')
  else
    print(
      table(
        ['model', 'version', 'alias', 'digest', 'metrics', 'run'],
        documents.flatMap(({ name, versions }) =>
          versions.map(({ version, digest, aliases, metrics, run }) => [
            name,
            String(version),
            aliases.join(' '),
            shortDigest(digest),
            metricsInWords(metrics ?? {}),
            run ?? '',
          ]),
        ),
      ),
    )
  return 0
}

function aliasesOf(state: { champions: number[]; candidate: number | null }, version: number): string[] {
  return [
    ...(state.champions.at(-1) === version ? ['champion'] : []),
    ...(state.candidate === version && state.champions.at(-1) !== version ? ['candidate'] : []),
  ]
}

/** A run, a model version, or an artifact. */
export async function show(what: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const record = await readRun(context.store, what)
  if (record !== undefined) return showRun(context, record, options)
  const version = await findVersion(context.store, what)
  if (version !== undefined) return showModel(context.store, version, options)
  const hex = what.replace(/^sha256:/, '')
  if (/^[0-9a-f]{6,64}$/.test(hex)) return showArtifact(context.store, hex, options)
  if (/-\d{8}-\d{6}-\w+$/.test(what)) return showRunning(context, what, options)
  const names = await listModels(context.store)
  const meant = nearest(what, names)
  throw new SlipwayError(
    'NOT_FOUND',
    `"${what}" is no finished run, model or artifact; models: ${names.join(', ') || 'none'}`,
    { next: meant === undefined ? 'see `slipway runs` and `slipway models`' : `did you mean "${meant}"?` },
  )
}

function showRun({ settings }: CliContext, record: RunRecord, options: JsonOption): number {
  if (options.json === true) {
    printJson({
      ...(runJson(record) as object),
      origin: record.origin,
      startedAt: record.startedAt,
      finishedAt: record.finishedAt,
    })
    return 0
  }
  print(`${colors.bold(record.runId)}  ${record.status}, ${record.startedAt}`)
  print(
    Object.entries(record.origin)
      .map(([name, value]) => `${name} ${value.startsWith('sha256:') ? shortDigest(value) : value}`)
      .join('  '),
  )
  print('')
  print(
    table(
      ['step', 'time', 'made', 'outputs'],
      record.steps.map(({ name, cached, seconds: took, summary, outputs }) => [
        name,
        cached ? 'reused' : seconds(took),
        summary,
        outputs.map((output) => `${output.name} ${shortDigest(output.digest)}`).join('  '),
      ]),
    ),
  )
  for (const line of summaryLines(record, workflowLink(settings, record.workflowId))) print(line)
  return 0
}

async function showRunning(context: CliContext, runId: string, options: JsonOption): Promise<number> {
  const { client } = await context.temporal()
  const workflowId = runWorkflowId(runId)
  const description = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch(() => undefined)
  if (description === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no run ${runId}`, { next: 'see `slipway runs`' })
  const document = { runId, workflowId, status: description.status.name.toLowerCase() }
  if (options.json === true) printJson(document)
  else print(`${runId} is ${document.status}\n  look  ${workflowLink(context.settings, workflowId)}`)
  return 0
}

interface Version {
  readonly name: string
  readonly version: number
  readonly digest: string
}

/** `flights`, `flights@3` or `flights@champion`. A bare name is its champion, or its last version. */
export async function findVersion(store: Store, text: string): Promise<Version | undefined> {
  const [name = '', which] = text.split('@')
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) return undefined
  const state = await readModel(store, name)
  if (state === undefined) return undefined
  const version =
    which === undefined
      ? (state.champions.at(-1) ?? state.versions.length)
      : which === 'champion'
        ? (state.champions.at(-1) ?? 0)
        : which === 'candidate'
          ? (state.candidate ?? 0)
          : Number(which)
  const digest = state.versions[version - 1]
  if (digest !== undefined) return { name, version, digest }
  throw new SlipwayError('NOT_FOUND', `model ${name} has no version "${which}"; it has 1 to ${state.versions.length}`, {
    next: 'see `slipway models`',
  })
}

async function showModel(store: Store, { name, version, digest }: Version, options: JsonOption): Promise<number> {
  const bundle = JSON.parse((await getBytes(store, digest)).toString('utf8'))
  const record = await readVersion(store, name, digest)
  const run = record === undefined ? undefined : await readRun(store, record.run)
  if (options.json === true) {
    printJson({ name, version, digest, record, bundle, gates: run?.gates ?? [] })
    return 0
  }
  print(`${colors.bold(`${name} version ${version}`)}  ${digest}`)
  if (record !== undefined)
    print(
      `made by run ${record.run}, ${record.registeredAt}; commit ${run?.origin.commit ?? 'unknown'} (${run?.origin.tree ?? 'unknown'})`,
    )
  print('')
  print(
    table(
      ['file', 'bytes', 'digest'],
      Object.entries(bundle.files as Record<string, { size: number; digest: string }>).map(([file, ref]) => [
        file,
        String(ref.size),
        shortDigest(ref.digest),
      ]),
    ),
  )
  if (record !== undefined)
    print(
      `\n${table(
        ['metric', 'value'],
        Object.entries(record.metrics).map(([metric, value]) => [metric, String(value)]),
      )}`,
    )
  print(`\n${(await getBytes(store, bundle.files['card.md'].digest)).toString('utf8')}`)
  return 0
}

async function showArtifact(store: Store, hex: string, options: JsonOption): Promise<number> {
  const keys = await listKeys(store, `blobs/sha256/${hex.slice(0, 2)}/${hex}`)
  const [key] = keys
  if (key === undefined)
    throw new SlipwayError('NOT_FOUND', `no artifact begins with ${hex}`, {
      next: 'see the outputs in `slipway show <run>`',
    })
  if (keys.length > 1)
    throw new SlipwayError('USAGE', `${keys.length} artifacts begin with ${hex}`, { next: 'give more digits' })
  const digest = `sha256:${key.split('/').at(-1)}`
  const bytes = await getBytes(store, digest)
  const text = bytes.toString('utf8')
  if (options.json === true) {
    printJson({ digest, size: bytes.length, content: isJson(text) ? JSON.parse(text) : null })
    return 0
  }
  print(`${digest}  ${bytes.length} bytes`)
  if (isJson(text)) print(JSON.stringify(JSON.parse(text), null, 2))
  else if (text.startsWith('PAR1')) print(await firstRows(store, digest))
  else if (!text.includes('\u0000') && !text.includes('\ufffd')) print(text)
  else print(`binary (${mediaTypes.onnx} or other)`)
  return 0
}

async function firstRows(store: Store, digest: string): Promise<string> {
  const { withDuckDb, rowsOf, text } = await import('../../data/duckdb.ts')
  const { localFile } = await import('../../store/objects.ts')
  const file = await localFile(store, digest)
  const rows = await withDuckDb(1, (connection) =>
    rowsOf(connection, `SELECT * FROM read_parquet(${text(file)}) LIMIT 20`),
  )
  const columns = Object.keys(rows[0] ?? {})
  return table(
    columns,
    rows.map((row) =>
      columns.map((column) => (row[column] instanceof Date ? row[column].toISOString() : String(row[column]))),
    ),
  )
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Where a model comes from, and what was made with it. */
export async function lineage(what: string, options: JsonOption): Promise<number> {
  const { store } = openContext()
  const version = await findVersion(store, what)
  if (version === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no model "${what}"`, { next: 'see `slipway models`' })
  const record = await readVersion(store, version.name, version.digest)
  const run = record === undefined ? undefined : await readRun(store, record.run)
  const steps = new Map<string, StepRecord>()
  const up = async (digest: string): Promise<void> => {
    for (const step of (await neighbours(store, digest)).madeBy) {
      if (steps.has(step.stepKey)) continue
      steps.set(step.stepKey, step)
      for (const input of Object.values(step.material.inputs)) if (input.startsWith('sha256:')) await up(input)
    }
  }
  await up(version.digest)
  const down = (await neighbours(store, version.digest)).readBy
  const describe = (step: StepRecord) => ({
    step: step.material.step,
    stepKey: step.stepKey,
    run: step.run,
    inputs: step.material.inputs,
    code: step.material.code,
    outputs: step.outputs.map(({ name, digest }) => ({ name, digest })),
  })
  if (options.json === true) {
    printJson({
      model: version,
      origin: run?.origin ?? null,
      madeBy: [...steps.values()].map(describe),
      usedBy: down.map(describe),
    })
    return 0
  }
  print(
    `${colors.bold(`${version.name} version ${version.version}`)} ${shortDigest(version.digest)}  commit ${run?.origin.commit ?? 'unknown'} (${run?.origin.tree ?? ''})`,
  )
  for (const step of steps.values()) print(`  ← ${line(step)}`)
  for (const step of down) print(`  → ${line(step)}`)
  return 0
}

function line(step: StepRecord): string {
  const list = (digests: Record<string, string>): string =>
    Object.entries(digests)
      .map(([name, digest]) => `${name} ${shortDigest(digest)}`)
      .join(', ')
  const code = Object.keys(step.material.code).length > 0 ? ` with code ${list(step.material.code)}` : ''
  return `${step.material.step.padEnd(9)} made ${list(Object.fromEntries(step.outputs.map(({ name, digest }) => [name, digest])))}\n               from ${list(step.material.inputs)}${code}  (run ${step.run})`
}

/** Why a step of the last run was reused or ran. */
export async function why(stepName: string, options: JsonOption & { run?: string }): Promise<number> {
  const { store } = openContext()
  const recent = await listRuns(store, undefined, 200)
  const record =
    options.run === undefined
      ? recent.find(({ steps }) => steps.some(({ name }) => name === stepName))
      : await readRun(store, options.run)
  const step = record?.steps.find(({ name }) => name === stepName)
  if (record === undefined || step === undefined) {
    const names = [
      ...new Set((record === undefined ? recent : [record]).flatMap(({ steps }) => steps.map(({ name }) => name))),
    ]
    const meant = nearest(stepName, names)
    throw new SlipwayError(
      'NOT_FOUND',
      `no run has a step "${stepName}"; steps are ${names.join(', ') || 'none yet'}`,
      { next: meant === undefined ? 'see `slipway runs`' : `did you mean "${meant}"?` },
    )
  }
  const maker = await readStepRecord(store, step.stepKey)
  const before = recent.find(
    ({ runId, pipeline, startedAt }) =>
      pipeline === record.pipeline && runId !== record.runId && startedAt < record.startedAt,
  )
  const reason = step.cached
    ? `reused: nothing it depends on differs from run ${maker?.run}`
    : step.stepKey === ''
      ? `ran: ${step.summary}`
      : `ran: ${await reasonItRan(store, before?.steps.find(({ name }) => name === stepName)?.stepKey, step.stepKey)}`
  if (options.json === true)
    printJson({
      run: record.runId,
      step: stepName,
      cached: step.cached,
      reason,
      comparedWith: before?.runId ?? null,
      material: maker?.material ?? null,
    })
  else
    print(
      `${stepName} of ${record.runId} ${reason}${step.cached || before === undefined ? '' : `\n  compared with run ${before.runId}`}`,
    )
  return 0
}

/** What differs between two runs, and nothing else. */
export async function compare(a: string, b: string, options: JsonOption): Promise<number> {
  const { store } = openContext()
  const [first, second] = (await Promise.all(
    [a, b].map(async (id) => {
      const record = await readRun(store, id)
      if (record === undefined)
        throw new SlipwayError('NOT_FOUND', `there is no finished run ${id}`, { next: 'see `slipway runs`' })
      return record
    }),
  )) as [RunRecord, RunRecord]
  const differences: { what: string; a: string; b: string }[] = []
  const note = (what: string, x: unknown, y: unknown): void => {
    const [left, right] = [x ?? null, y ?? null]
    if (canonicalJson(left) !== canonicalJson(right)) differences.push({ what, a: String(left), b: String(right) })
  }
  note('pipeline', first.pipeline, second.pipeline)
  note('status', first.status, second.status)
  for (const name of keysOf(first.origin, second.origin))
    note(`origin ${name}`, first.origin[name], second.origin[name])
  for (const { name, stepKey } of second.steps) {
    const before = first.steps.find((step) => step.name === name)?.stepKey
    if (before !== undefined && before !== stepKey)
      differences.push({ what: `step ${name}`, a: '', b: await reasonItRan(store, before, stepKey) })
  }
  for (const name of keysOf(first.metrics, second.metrics))
    note(`metric ${name}`, first.metrics[name], second.metrics[name])
  for (const { name, passed } of second.gates)
    note(`gate ${name}`, first.gates.find((gate) => gate.name === name)?.passed, passed)
  note('model', first.model?.digest, second.model?.digest)
  if (options.json === true) printJson({ a, b, differences })
  else if (differences.length === 0) print('the same in everything that counts')
  else
    print(
      table(
        ['', a, b],
        differences.map(({ what, a: left, b: right }) => [what, left, right]),
      ),
    )
  return 0
}

function keysOf(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
}

/** The plan of a run as JSON, from the store alone. */
export async function exportPlan(runId: string, options: { output?: string }): Promise<number> {
  const { store } = openContext()
  const record = await readRun(store, runId)
  if (record === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no finished run ${runId}`, { next: 'see `slipway runs`' })
  const text = (await getBytes(store, record.plan.digest)).toString('utf8')
  if (options.output === undefined) print(text)
  else writeFileSync(options.output, text)
  return 0
}
