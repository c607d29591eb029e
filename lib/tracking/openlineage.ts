import { createHash } from 'node:crypto'
import type { RunRecord } from '../formats/records.ts'

/*
 * Runs as events of OpenLineage (openlineage.io/spec/2-0-2): when one began and what it read, how it ended and what it
 * made. Events rest on records alone: sent again they are the same, under the same id of the run.
 */

/** A table that a run took from a source, as its snapshot keeps it. */
export interface LineageTable {
  /** Step of the pipeline. */
  readonly name: string
  /** Where it came from: a path or an address. */
  readonly from: string
  readonly digest: string
  readonly rows: number
  readonly files: number
  /** Bytes of all files. */
  readonly size: number
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly quality: Readonly<Record<string, ColumnQuality>>
}

/** What a column held. */
export interface ColumnQuality {
  readonly missing: number
  readonly distinct?: number | undefined
  readonly min?: number | null | undefined
  readonly max?: number | null | undefined
}

/** Who makes the events; a URI that is no address. */
const producer = 'urn:slipway'
const spec = 'https://openlineage.io/spec'

/** @param type the name of the facet in the specification @param version of its schema */
const facet = <Fields extends object>(type: string, version: string, fields: Fields) => ({
  _producer: producer,
  _schemaURL: `${spec}/facets/${version}/${type}.json#/$defs/${type}`,
  ...fields,
})

interface Told {
  /** Of jobs, and of what Slipway makes. */
  readonly namespace: string
  readonly record: RunRecord
  readonly tables: readonly LineageTable[]
}

/** The two events of a finished run: it began, and it completed, failed or was aborted. */
export function lineageEvents({ namespace, record, tables }: Told): object[] {
  const { runId, pipeline, startedAt, finishedAt, status, error } = record
  const failed = error === null ? {} : { errorMessage: errorFacet(error.message) }
  const event = (eventType: string, eventTime: string, facets: object, outputs: object[]): object => ({
    eventType,
    eventTime,
    producer,
    schemaURL: `${spec}/2-0-2/OpenLineage.json#/$defs/RunEvent`,
    run: { runId: runUuid(runId, startedAt), facets },
    job: {
      namespace,
      name: pipeline,
      facets: {
        jobType: facet('JobTypeJobFacet', '2-0-4', {
          processingType: 'BATCH',
          integration: 'SLIPWAY',
          jobType: 'PIPELINE',
        }),
      },
    },
    inputs: tables.map(sourceOf),
    outputs,
  })
  const made = [...tables.map((table) => snapshotOf(namespace, record, table)), ...modelOf(namespace, record)]
  return [
    event('START', startedAt, {}, []),
    event(endOf(status), finishedAt, status === 'succeeded' ? {} : failed, made),
  ]
}

const endOf = (status: RunRecord['status']): string =>
  status === 'succeeded' ? 'COMPLETE' : status === 'cancelled' ? 'ABORT' : 'FAIL'

const errorFacet = (message: string): object =>
  facet('ErrorMessageRunFacet', '1-0-1', { message, programmingLanguage: 'TypeScript' })

/** Where a table came from, as the naming of datasets has it (openlineage.io/docs/spec/naming). */
function sourceOf({ from, columns, rows, files, size, quality }: LineageTable): object {
  const { namespace, name } = placeOf(from)
  return {
    namespace,
    name,
    facets: {
      schema: schemaFacet(columns),
      dataSource: facet('DatasourceDatasetFacet', '1-0-1', {
        name: namespace,
        uri: namespace === 'file' ? `file:${name}` : `${namespace}/${name}`,
      }),
    },
    inputFacets: {
      dataQualityMetrics: facet('DataQualityMetricsInputDatasetFacet', '1-0-3', {
        rowCount: rows,
        bytes: size,
        fileCount: files,
        columnMetrics: metricsOf(quality),
      }),
    },
  }
}

/** A snapshot: a table that Slipway keeps, which the digest names to the byte. */
function snapshotOf(namespace: string, { pipeline }: RunRecord, table: LineageTable): object {
  const { name, digest, columns, rows, files, size } = table
  return {
    namespace,
    name: `${pipeline}.${name}`,
    facets: { schema: schemaFacet(columns), version: versionFacet(digest) },
    outputFacets: {
      outputStatistics: facet('OutputStatisticsOutputDatasetFacet', '1-0-2', {
        rowCount: rows,
        size,
        fileCount: files,
      }),
    },
  }
}

/** The version of a model that a run registered. */
const modelOf = (namespace: string, { model }: RunRecord): object[] =>
  model === null
    ? []
    : [
        {
          namespace,
          name: `models/${model.name}`,
          facets: { version: versionFacet(`${model.version} ${model.digest}`) },
        },
      ]

const versionFacet = (datasetVersion: string): object =>
  facet('DatasetVersionDatasetFacet', '1-0-1', { datasetVersion })

const schemaFacet = (fields: LineageTable['columns']): object => facet('SchemaDatasetFacet', '1-2-0', { fields })

const metricsOf = (quality: LineageTable['quality']): object =>
  Object.fromEntries(
    Object.entries(quality).map(([name, { missing, distinct, min, max }]) => [
      name,
      {
        nullCount: missing,
        ...(distinct !== undefined && { distinctCount: distinct }),
        ...(typeof min === 'number' && Number.isFinite(min) && { min }),
        ...(typeof max === 'number' && Number.isFinite(max) && { max }),
      },
    ]),
  )

/** `s3://bucket/key` → `s3://bucket` and `key`; who reads it, and by which query, are not told. */
function placeOf(from: string): { readonly namespace: string; readonly name: string } {
  const url = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/@]*@)?([^/?#]*)\/?([^?#]*)(?:\?table=([^&#]+))?/.exec(from)
  if (url === null) return { namespace: 'file', name: from }
  const [, scheme = '', host = '', path = '', table] = url
  const name = table === undefined ? path : `${path}.${decodeURIComponent(table)}`
  return { namespace: `${scheme}://${host}`, name: name || '/' }
}

/** A UUID of version 7 (RFC 9562), the same whenever it is made: the time, and a digest in the place of chance. */
export function runUuid(runId: string, startedAt: string): string {
  const bytes = createHash('sha256').update(`slipway run ${runId}`).digest().subarray(0, 16)
  bytes.writeUIntBE(Date.parse(startedAt), 0, 6)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
