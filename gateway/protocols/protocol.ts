import type { Numbers } from '../../lib/formats/columns.ts'
import type { Decisions } from '../../lib/formats/decisions.ts'
import type { ErrorCode } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { TensorFacts, Tensors } from '../../lib/formats/tensors.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import type { RowReader } from '../../lib/models/rows.ts'
import type { Explained } from '../explain.ts'
import type { LookupReport } from '../lookups/report.ts'
import type { Input, TensorInput } from '../scoring.ts'

/**
 * A way in which clients ask for predictions. The server goes through a list of protocols and knows none of them by
 * name: one from outside stands beside Slipway's own. A protocol reads requests and writes answers; it knows no socket.
 */
export interface Protocol {
  /** In kebab case, of this protocol alone. */
  readonly name: string
  /** Where it is asked for predictions, by POST. */
  readonly routes: readonly PredictionRoute[]
  /**
   * Headers, besides `content-type`, that decide how a body is read: answers are kept for requests that agree in them.
   */
  readonly readsHeaders?: readonly string[]
  /** In lower case: the header in which its clients give a request an id that labels name later. */
  readonly idHeader?: string
  /** What its clients write for a version where they mean the one that the route gives: TensorFlow's `0`. */
  readonly anyVersion?: string
  /**
   * Reads what does not depend on the model that will answer.
   * @throws SlipwayError REQUEST_INVALID, MEDIA_UNSUPPORTED, NOT_ACCEPTABLE
   */
  read(request: Incoming): Asked
  /** A failed request, as clients of this protocol expect to be told. */
  error(problem: Problem): Outgoing
  /** Its part of the OpenAPI document: path items by path, for every endpoint. */
  openApi(
    endpoints: readonly DescribedEndpoint[],
    tensors: readonly DescribedTensors[],
  ): Readonly<Record<string, object>>
  /** What clients ask it besides predictions: whether the gateway is ready, what a model takes. */
  lookups?(served: Served): readonly Route[]
}

/**
 * A path; `{name}` stands for an endpoint, `{version}` for the number of a version, or for what a version is to the
 * endpoint: `champion`, `candidate` or `previous`. Without `{name}` the only endpoint that is served is meant.
 */
export interface PredictionRoute {
  readonly path: string
  /** Media types of its answers. Who accepts none of them is refused before the body is read. */
  readonly answers: readonly string[]
}

/** A request, by whatever transport it came. */
export interface Incoming {
  /** Read whole, and decompressed before a protocol sees it. */
  readonly body: Buffer
  /** `performance.now()` when its head was here. */
  readonly arrivedAt: number
  /**
   * `performance.now()` until when its client waits for an answer, where the transport says so; nearer when the client
   * gives up.
   */
  readonly deadline?: number | undefined
  /** @param name in lower case */
  header(name: string): string | undefined
}

/** An answer, before a transport sends it. */
export interface Outgoing {
  /** As HTTP has it; another transport translates. */
  readonly status: number
  /** Names and values by turns; whoever sends it adds to them. */
  readonly headers: string[]
  readonly body: string | Buffer
}

/** A request as a protocol understood it: which rows it asks about, and how its answer is written. */
export interface Asked {
  /** Reads the rows by a version's schema. @throws SlipwayError REQUEST_INVALID */
  read(version: ServedVersion): Input
  /** Whether each answer is to come with why it is what it is. */
  readonly explain?: boolean
  /** The version that is to answer, as it would stand in a path; for protocols that have it elsewhere. */
  readonly version?: string | undefined
  /** @param id of the request */
  write(prediction: Prediction, id: string): Written
  /** The same of a model of tensors alone; missing in protocols that ask none. */
  readonly tensors?: AskedTensors
}

/** A request to a model of tensors as a protocol understood it. */
export interface AskedTensors {
  /** Reads the tensors that a model takes. @throws SlipwayError REQUEST_INVALID */
  read(facts: TensorFacts): TensorInput
  write(prediction: TensorPrediction, id: string): Written
}

/** What a model of tensors answered. */
export interface TensorPrediction extends Pick<Prediction, 'answeredBy' | 'role'> {
  readonly facts: TensorFacts
  readonly outputs: Tensors
}

/** The body of an answer as a protocol writes it. */
export interface Written {
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A version that is loaded, as far as reading a request goes. */
export interface ServedVersion {
  readonly facts: ModelFacts
  readonly reader: RowReader
}

/** What a version answered to the rows of a request. */
export interface Prediction {
  /** One for each row, in the order of the rows; of several classes one for each class of each row. */
  readonly predictions: Numbers
  /** What a function of the user's answers to each row, where one does. */
  readonly decisions?: Decisions | undefined
  readonly answeredBy: ModelVersion
  readonly role: 'champion' | 'candidate' | 'fallback' | 'pinned'
  readonly version: ServedVersion
  /** What came of looking columns up, a view each; undefined where none were. */
  readonly lookups?: readonly LookupReport[] | undefined
  /** Where the request asks for them. */
  readonly explained?: Explained | undefined
}

/** A version that a lookup asked for, of rows or of tensors, its number, and those of all that are loaded. */
export type Found = { readonly number: number; readonly numbers: readonly number[] } & (
  | { readonly version: ServedVersion; readonly tensors?: undefined }
  | { readonly version?: undefined; readonly tensors: TensorFacts }
)

/** What a client may know of an error. */
export interface Problem {
  readonly code: ErrorCode
  /** HTTP's status for it. */
  readonly status: number
  readonly message: string
}

/** An endpoint, for the OpenAPI document. */
export interface DescribedEndpoint {
  readonly name: string
  readonly facts: ModelFacts
  /** Reference to the JSON schema of one of its rows. */
  readonly row: { readonly $ref: string }
}

/** The same of a model of tensors. */
export interface DescribedTensors {
  readonly name: string
  readonly facts: TensorFacts
}

/** Something that is answered at a path. HEAD is answered as GET is, without the body. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Whether it is answered without a token: load balancers have none. */
  readonly isOpen?: boolean
  /** Bytes that a body may have: 64 KiB, if it is not said. */
  readonly bodyLimit?: number
  /** @param name, version as they stand in the path, where it has them */
  answer(request: Incoming, name: string | undefined, version: string | undefined): Outgoing | Promise<Outgoing>
}

/** The gateway, as far as lookups see it. */
export interface Served {
  /** Slipway's version. */
  readonly slipway: string
  isReady(): boolean
  /** Names of the endpoints. */
  names(): readonly string[]
  /**
   * A version of an endpoint: without one its champion; and the numbers of all that are loaded.
   * @param version its number, or `champion`, `candidate` or `previous`
   * @throws SlipwayError NOT_FOUND
   */
  find(name: string, version: string | undefined): Found
  /** All versions that are loaded, and endpoints of which none is yet. */
  index(): readonly IndexedVersion[]
  /**
   * What came of requests, a version each.
   * @param name of an endpoint; without one, of all @param version its number; without one, of all
   * @throws SlipwayError NOT_FOUND
   */
  statistics(name: string | undefined, version: string | undefined): readonly VersionStatistics[]
}

/** A version of an endpoint, or an endpoint of which none is loaded yet. */
export interface IndexedVersion {
  readonly name: string
  readonly version: number | undefined
  /** Why it cannot be asked; undefined where it can. */
  readonly reason: string | undefined
}

/** What came of a version's requests since it was loaded. */
export interface VersionStatistics {
  readonly name: string
  readonly version: number
  /** When it last answered, ms since 1970; 0 where it has not. */
  readonly lastAt: number
  /** Rows, or items, that were answered; and how often it was run for them, batches and mirrored requests included. */
  readonly inferences: number
  readonly executions: number
  /** Requests, and how long they took from arrival to answer, ms. */
  readonly answered: { readonly count: number; readonly ms: number }
  readonly failed: { readonly count: number; readonly ms: number }
}
