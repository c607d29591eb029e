import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { nearest } from '../lib/code/nearest.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { findRoot } from '../workers/root.ts'

/** What the text of an argument or an option may be. */
export interface Kind {
  /** In words: `a number from 1 on`. */
  readonly rule: string
  readonly example: string
  accepts(text: string): boolean
  /** What exists, where that is cheap to know: the nearest is suggested. */
  known?(): readonly string[]
}

/** Longer texts are names of nothing. */
const longest = 200

const matching = (rule: string, example: string, pattern: RegExp): Kind => ({
  rule,
  example,
  accepts: (text) => text.length <= longest && pattern.test(text),
})
const either = (rule: string, ...kinds: readonly [Kind, ...Kind[]]): Kind => ({
  rule,
  example: kinds[0].example,
  accepts: (text) => kinds.some((kind) => kind.accepts(text)),
  known: () => kinds.flatMap((kind) => kind.known?.() ?? []),
})

const named = '[a-z0-9][a-z0-9-]{0,62}'
const partition = '(?:\\d{4}-\\d{2}-\\d{2}(?:T\\d{2})?|[0-9a-f]{16})'

/** As definitions name pipelines, models, endpoints, steps and batches. */
export const name: Kind = {
  ...matching('a name: lower-case letters, digits and dashes, at most 63', 'flights', new RegExp(`^${named}$`)),
  known: pipelinesHere,
}
/** A step of a run; one that is called as another step has its kind before its name. */
export const step = matching(
  'a step: lower-case letters, digits and dashes, after snapshot: or train: where another step is called so too',
  'delays',
  new RegExp(`^(?:(?:snapshot|train):)?${named}$`),
)
/** A run or a rollout. */
export const id = matching(
  'an id: lower-case letters, digits and dashes, at most 100',
  'flights-20261122-034512-k3x9',
  /^[a-z0-9][a-z0-9-]{0,99}$/,
)
export const modelVersion: Kind = {
  ...matching(
    'a model, or a version of it: flights, flights@3, flights@champion, flights@candidate',
    'flights@3',
    new RegExp(`^${named}(?:@(?:[1-9]\\d{0,8}|champion|candidate))?$`),
  ),
  known: pipelinesHere,
}
/** As SageMaker names its groups of model packages. */
export const packageGroup = matching(
  'a model package group: letters, digits and dashes, at most 63',
  'flights',
  /^[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}$/,
)
export const digest = matching(
  'the first digits of a digest, six or more',
  '3f9a1c22b0d4',
  /^(?:sha256:)?[0-9a-f]{6,64}$/,
)
/** What `explain` explains. */
export const explained = either('a rollout, or a model or a version of it (flights@3)', id, modelVersion)
/** A ref, as the error says that finds it broken. */
export const ref = matching(
  'a ref: routes/<endpoint>, models/<name>, views/<name>, monitors/<endpoint>, checks/<endpoint>, edge/<model> or batches/<owner>/<name>',
  'routes/flights',
  new RegExp(`^(?:routes|models|views|monitors|checks|edge|batches/${named})/${named}$`),
)
const view = matching('a view, after view:', 'view:history', new RegExp(`^view:${named}$`))
export const serverAddress = matching(
  'an address: http://host:port',
  'http://127.0.0.1:5000',
  /^https?:\/\/[^\s/]+[^\s]*$/,
)
/** Where runs are written to. */
export const trackingServer = either(
  'an address, http://host:port, or databricks',
  serverAddress,
  matching('databricks', 'databricks', /^databricks$/),
)
export const catalogSchema = matching(
  'a schema of Unity Catalog: catalog.schema',
  'main.models',
  /^[^\s./'`]+\.[^\s./'`]+$/,
)
export const workspaceFolder = matching('a folder of a workspace: /Shared/…', '/Shared/slipway', /^(?:\/[^\s/]+)+$/)
/** What is written for others: the data that a run read. */
export const snapshotOrRun = either('the first digits of a snapshot, or a run', digest, id)
/** A file that points to what DVC keeps. */
export const dvcPointer = matching(
  'the name of a pointer, which ends with .dvc',
  'data/flights.parquet.dvc',
  /[^/]\.dvc$/,
)
export const modelOrRun = either('a model (flights@3), or a run', modelVersion, id)
/** What `show` shows. */
export const shown = either(
  'a run, a model (flights@3), the first digits of a digest, or a view (view:history)',
  modelVersion,
  id,
  digest,
  view,
)
const published = matching(
  'a batch: flights/nightly/2001-06-01',
  'flights/nightly/2001-06-01',
  new RegExp(`^${named}/${named}/${partition}$`),
)
/** What names one batch of many. */
export const partitionName = matching(
  'a partition: a day, an hour, or the name of a batch of files',
  '2001-06-01',
  new RegExp(`^${partition}$`),
)
/** What `verify` verifies: a model, a batch by its name, or the folder that was written to. */
export const verified = either(
  'a model (flights@3), a batch (flights/nightly/2001-06-01), or a folder that one was written to',
  modelVersion,
  published,
  {
    rule: '',
    example: '',
    accepts: (text) => isPath(text) && (statSync(text, { throwIfNoEntry: false })?.isDirectory() ?? false),
  },
)
/** As gateways take them from clients; a part of only dots is none. */
export const request: Kind = {
  rule: 'the id of a request: letters, digits and . : / + = - _, at most 128',
  example: '0b6c3f0e-6a39-4b7e-9b6e-2a3f6f0c1d2e',
  accepts: (text) => /^[\w.:/+=-]{1,128}$/.test(text) && !text.split('/').some((part) => /^\.+$/.test(part)),
}
/** What `lineage` follows. */
export const traced = either(
  'a model (flights@2), a digest, a batch (flights/nightly/2001-06-01), or the id of a request',
  modelVersion,
  digest,
  published,
  request,
)
export const snapshot = matching(
  'the whole digest of a snapshot, sha256:…, after <source>= where there are several',
  `sha256:${'0'.repeat(64)}`,
  new RegExp(`^(?:${named}=)?sha256:[0-9a-f]{64}$`),
)
export const versionNumber = matching('the number of a version', '3', /^[1-9]\d{0,8}$/)
export const versionOrChampion = matching('the number of a version, or champion', '3', /^(?:[1-9]\d{0,8}|champion)$/)
export const metric = matching('the name of a metric', 'auc', /^[A-Za-z][A-Za-z0-9]{0,40}$/)
export const setting = matching('name=value', 'trees=50', /^[A-Za-z]\w*=\S/)

/** Columns that feed an input of a model. */
export const feed = matching('input=column, or input=column,column', 'X=wind,temp_min', /^[^=]+=[^=]+$/)

/** A file that is there. */
export const existingFile: Kind = {
  rule: 'a file that exists',
  example: 'outcomes.parquet',
  accepts: (text) => isPath(text) && (statSync(text, { throwIfNoEntry: false })?.isFile() ?? false),
}
/** A file with the body of a message, or standard input. */
export const messageFile: Kind = {
  rule: 'a file that exists, or - for standard input',
  example: '-',
  accepts: (text) => text === '-' || existingFile.accepts(text),
}
/** An image of a container: `registry.example/team/flights:3`, or by its digest. */
export const image = matching(
  'an image: registry/name, with :tag or @sha256:digest',
  'registry.example/team/flights:3',
  /^[a-z0-9][\w.-]*(?::\d+)?(?:\/[a-z0-9][a-z0-9._-]*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/,
)
/** As clouds call their kinds of machines. */
export const machine = matching('a kind of machine: letters, digits, dashes', 'n1-standard-2', /^[A-Za-z][\w-]{0,62}$/)
/** Where other systems find something: `s3://models/flights`. */
export const address = matching(
  'an address: scheme://place',
  's3://models/flights',
  /^[a-z][a-z0-9+.-]*:\/\/[^\s/\0][^\s\0]*$/,
)
/** What `register` takes. */
export const modelFile = either(
  'a file that exists, or a model in MLflow (models:/encoder@champion, models:/encoder/3)',
  matching('', 'models:/encoder@champion', /^models:\/[^/@\s.][^/@\s]*(?:\/[1-9]\d*|@[^/@\s]+)$/),
  existingFile,
)
/** A path, of a file to be written or read, or of several. */
export const path: Kind = { rule: 'a path', example: 'data/flights.parquet', accepts: isPath }
/** Columns by name, with commas between them. */
export const columns: Kind = {
  rule: 'columns, with commas between them',
  example: 'origin,destination',
  accepts: (text) => !text.includes('\0') && text.split(',').every((column) => column.trim() !== ''),
}
/** Words for the record. */
export const words: Kind = {
  rule: 'a text of at most 2000 characters',
  example: 'new winter timetable',
  accepts: (text) => text.length <= 2000 && !text.includes('\0'),
}

export const duration = matching('a duration: 90s, 10m, 2h or 7d', '10m', /^\d{1,9}(?:\.\d+)?[smhd]$/)
export const time: Kind = {
  rule: 'a day or an ISO time',
  example: '2001-04-01',
  accepts: (text) => /^\d{4}-\d{2}-\d{2}/.test(text) && text.length < 40 && Number.isFinite(Date.parse(text)),
}
export const percent = matching('a share in percent', '0.5%', /^\d{1,3}(?:\.\d+)?%$/)
export const rate = matching('a rate: 200/s, 2000/min or 9000/h', '2000/min', /^\d{1,9}(?:\.\d+)?\/(?:s|min|h)$/)
export const factor = matching('a factor', '2x', /^\d{1,6}(?:\.\d+)?x$/)
export const fault = matching(
  'errors=<share>%@candidate',
  'errors=5%@candidate',
  /^errors=\d{1,3}(?:\.\d+)?%@candidate$/,
)
export const host = matching('an address or the name of a host', '127.0.0.1', /^[\w.:-]{1,200}$/)
export const shareBelowOne: Kind = {
  rule: 'a share below 1',
  example: '0.01',
  accepts: (text) => /^\d*\.?\d+$/.test(text) && Number(text) < 1,
}

/** Shares of a rollout's steps. */
export const shares = matching(
  'percents that ascend, with commas',
  '1,5,25,50',
  /^\d{1,2}(?:\.\d+)?(?:,\d{1,2}(?:\.\d+)?)*$/,
)
export const positive: Kind = {
  rule: 'a number above 0',
  example: '0.2',
  accepts: (text) => /^\d{0,9}\.?\d{1,9}$/.test(text) && Number(text) > 0,
}

/** A whole number in a range, ends included. */
export const whole = (least: number, most = 1_000_000_000): Kind => ({
  rule: `a whole number from ${least}${most === 1_000_000_000 ? ' on' : ` to ${most}`}`,
  example: String(Math.max(least, Math.min(most, 20))),
  accepts: (text) => /^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most,
})

/** One of a few words. */
export const oneOf = (...choices: readonly [string, ...string[]]): Kind => ({
  rule: `one of ${choices.map((choice) => (choice.trim() === choice ? choice : JSON.stringify(choice))).join(', ')}`,
  example: choices[0],
  accepts: (text) => choices.includes(text),
  known: () => choices,
})

/**
 * @returns the text
 * @throws SlipwayError USAGE
 * @param of the argument or option as help shows it: `<pipeline>`, `--limit <n>`
 */
export function checked(of: string, kind: Kind, text: string): string {
  if (kind.accepts(text)) return text
  const meant = nearest(text.toLowerCase(), kind.known?.() ?? [])
  const given = text.length > 60 ? `${text.slice(0, 60)}…` : text
  throw new SlipwayError('USAGE', `${of}: expected ${kind.rule}; got ${JSON.stringify(given)}`, {
    next: meant === undefined ? `for example ${kind.example}` : `did you mean "${meant}"?`,
  })
}

/** Whether a file system could have it: no file's name is longer than 255 bytes. */
function isPath(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.split('/').every((part) => Buffer.byteLength(part) <= 255)
}

/** Pipelines of the project we are in: models and endpoints mostly have their names. */
function pipelinesHere(): readonly string[] {
  const folder = join(findRoot(), 'pipelines')
  return existsSync(folder) ? readdirSync(folder) : []
}
