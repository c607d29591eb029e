import protobuf from 'protobufjs'

/** Where a feature view keeps its history, as Feast's registry has it. */
export interface FeatureView {
  readonly name: string
  readonly project: string
  readonly source: FeastSource | null
}

interface FeastSource {
  /** Of `SourceType`. */
  readonly type: string
  readonly timestampField: string
  /** Empty where there is none. */
  readonly createdTimestampColumn: string
  readonly files: { readonly uri: string; readonly format: { readonly delta: object | null } | null } | null
}

export interface FeastRegistry {
  readonly views: readonly FeatureView[]
  /** Views without a history of their own: made when they are asked for, or of a stream. */
  readonly others: readonly { readonly name: string; readonly project: string }[]
}

const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id })

/**
 * The part of Feast's protos/feast/core that says where feature views are (0.67: Registry, FeatureView, DataSource).
 * Names are ours where theirs are messages within messages.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    Views: { fields: { views: repeated('FeatureView', 6) } },
    FeatureView: { fields: { spec: { type: 'FeatureViewSpec', id: 1 } } },
    FeatureViewSpec: {
      fields: {
        name: { type: 'string', id: 1 },
        project: { type: 'string', id: 2 },
        batchSource: { type: 'DataSource', id: 7 },
      },
    },
    DataSource: {
      fields: {
        type: { type: 'SourceType', id: 1 },
        timestampField: { type: 'string', id: 3 },
        createdTimestampColumn: { type: 'string', id: 5 },
        files: { type: 'FileOptions', id: 11 },
      },
    },
    FileOptions: { fields: { format: { type: 'FileFormat', id: 1 }, uri: { type: 'string', id: 2 } } },
    FileFormat: { fields: { delta: { type: 'DeltaFormat', id: 2 } } },
    DeltaFormat: { fields: {} },
    SourceType: {
      values: {
        INVALID: 0,
        BATCH_FILE: 1,
        BATCH_BIGQUERY: 2,
        STREAM_KAFKA: 3,
        STREAM_KINESIS: 4,
        BATCH_REDSHIFT: 5,
        CUSTOM_SOURCE: 6,
        REQUEST_SOURCE: 7,
        BATCH_SNOWFLAKE: 8,
        PUSH_SOURCE: 9,
        BATCH_TRINO: 10,
        BATCH_SPARK: 11,
        BATCH_ATHENA: 12,
        BATCH_ICEBERG: 13,
      },
    },
    // On demand and stream views say who they are in the same fields, and something else in the seventh.
    NamedView: { fields: { spec: { type: 'NamedViewSpec', id: 1 } } },
    NamedViewSpec: { fields: { name: { type: 'string', id: 1 }, project: { type: 'string', id: 2 } } },
    OtherViews: { fields: { onDemand: repeated('NamedView', 8), stream: repeated('NamedView', 14) } },
  },
})
const reading = { enums: String, defaults: true, arrays: true } as const

/** Reads a registry that Feast keeps in a file. @throws Error when it is none */
export function readFeastRegistry(bytes: Uint8Array): FeastRegistry {
  const read = <T>(type: string): T => {
    const message = root.lookupType(type)
    return message.toObject(message.decode(bytes), reading) as T
  }
  const { views } = read<{ views: { spec: Omit<FeatureView, 'source'> & { batchSource: FeastSource | null } }[] }>(
    'Views',
  )
  const others = read<Record<'onDemand' | 'stream', { spec: { name: string; project: string } }[]>>('OtherViews')
  return {
    views: views.map(({ spec: { name, project, batchSource } }) => ({ name, project, source: batchSource })),
    others: [...others.onDemand, ...others.stream].map(({ spec }) => spec),
  }
}
