/** Everything that a workspace keeps, and what the test makes of it. */
export interface World {
  readonly options: FakeOptions
  readonly address: string
  readonly experiments: Map<string, { readonly name: string }>
  readonly runs: Map<string, Run>
  readonly models: Map<string, Model>
  /** By path: `/databricks/mlflow-tracking/…`, `/Models/…`. */
  readonly files: Map<string, Buffer>
  /** Tokens that are known. */
  readonly tokens: Set<string>
  /** What was asked, and refused with what. */
  readonly requests: Logged[]
  readonly faults: Fault[]
  /** Signatures that are good yet. */
  readonly signatures: Set<string>
  /** What no client may do, such as a token that is sent to storage. */
  readonly offences: string[]
  nextId(): number
}

export interface FakeOptions {
  /** Where the files of versions are kept; `default` by signed addresses. */
  readonly storage?: 'default' | 'files' | 's3' | 'gcp'
  /** Of signed addresses of runs. */
  readonly signing?: 'AWS_PRESIGNED_URL' | 'AZURE_SAS_URI' | 'AZURE_ADLS_GEN2_SAS_URI' | 'GCP_SIGNED_URL'
  /** The bucket of `s3` and the keys to it. */
  readonly bucket?: { readonly name: string; readonly keys: Readonly<Record<string, string>> }
  readonly principal?: { readonly id: string; readonly secret: string }
}

export interface Run {
  readonly id: string
  readonly experiment: string
  name: string
  status: string
  startTime?: number
  endTime?: number
  readonly tags: Map<string, string>
  readonly params: Map<string, string>
  readonly metrics: Map<string, Record<string, unknown>>
}
export interface Model {
  readonly name: string
  readonly tags: Map<string, string>
  readonly aliases: Map<string, string>
  readonly versions: Version[]
}
export interface Version {
  readonly version: string
  readonly source: string
  readonly runId?: string
  readonly tags: Map<string, string>
  status: 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY'
  message?: string
}
export interface Logged {
  /** `POST /mlflow/runs/create`, `PUT /storage`. */
  readonly call: string
  readonly body: unknown
  readonly status: number
}

/** A misfortune of the next requests like this. */
export interface Fault {
  readonly call: string
  /** How often; once otherwise. */
  times?: number
  /** How many are let through first. */
  after?: number
  /** What is answered; `lost` breaks the connection off, `expire` lets all signatures end, `cut` half of an answer. */
  readonly answer: number | 'lost' | 'expire' | 'cut' | 'redirect'
  readonly headers?: Readonly<Record<string, string>>
  /** What a version becomes when it is finalized. */
  readonly becomes?: Version['status']
}

/** What a workspace answers where it refuses. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}
export const missing = (what: string): Refusal => new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', `${what} does not exist`)
export const invalid = (why: string): Refusal => new Refusal(400, 'INVALID_PARAMETER_VALUE', why)

/** The fault that a call meets, if it is its turn. */
export function faultOf({ faults }: World, call: string): Fault | undefined {
  const fault = faults.find((each) => each.call === call && each.becomes === undefined)
  if (fault === undefined) return undefined
  if ((fault.after ?? 0) > 0) {
    fault.after = (fault.after as number) - 1
    return undefined
  }
  fault.times = (fault.times ?? 1) - 1
  if (fault.times === 0) faults.splice(faults.indexOf(fault), 1)
  return fault
}

export const pairs = (of: ReadonlyMap<string, string>): { key: string; value: string }[] =>
  [...of].map(([key, value]) => ({ key, value }))
