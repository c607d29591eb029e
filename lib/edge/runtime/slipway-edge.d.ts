/*
 * A model of Slipway's that scores where it is: in a browser or in Node, without a network. See docs/edge.md.
 */

/** A row as clients of a gateway send it. A field that may be missing may be left out, or null. */
export type EdgeRow = Readonly<Record<string, unknown>>

/** What is answered to a row: `probability` by a yes/no model, `prediction` by one of a number, or one of the rest. */
export interface EdgeAnswer {
  readonly probability?: number
  readonly prediction?: number
  /** By a ranking: rows with higher ones come first. */
  readonly score?: number
  /** Of several targets or quantiles: the number of each, by its name. */
  readonly predictions?: Readonly<Record<string, number>>
  /** The likeliest class, and how likely each is: `classes` of the model names them in this order. */
  readonly label?: string
  readonly probabilities?: readonly number[]
  /** What the pipeline's function makes of all that, where it has one. */
  readonly answer?: number | boolean | string
}

/** A column of the rows that the model takes; its limits, patterns and values are those of the pipeline's schema. */
export interface EdgeColumn {
  readonly name: string
  readonly type: 'number' | 'integer' | 'bigint' | 'boolean' | 'string' | 'timestamp'
  readonly nullable: boolean
  readonly [limit: string]: unknown
}

export interface EdgeUpdate {
  /**
   * `current`: the channel has nothing newer. `refused`: what it has is not used, and why is `reason`. `unreachable`:
   * the channel, or a file that it names, could not be read whole.
   */
  readonly status: 'updated' | 'current' | 'refused' | 'unreachable'
  /** A stable code of what was refused, and why in words. */
  readonly code?: string
  readonly reason?: string
  /** What scores from here on. */
  readonly version: number
  readonly sequence: number
}

export interface EdgeWatch {
  /** Address of the channel's folder, or in Node a path. */
  readonly channel: string | URL
  /** How often it is looked at: milliseconds, or `30s`, `10m`, `2h`, `1d`. At least a second. */
  readonly every: number | string
  /** Hears of every look whose outcome is another than that of the look before, and of every update. */
  readonly onUpdate?: (update: EdgeUpdate) => void
}

export interface EdgeModel {
  readonly name: string
  readonly version: number
  /** Of the model's package, as `slipway show` has it. */
  readonly digest: string
  /** Number of the publication in its channel that this is; 0 for a folder that was made for none. */
  readonly sequence: number
  readonly engine: 'compiled' | 'onnxruntime'
  readonly columns: readonly EdgeColumn[]
  /** The column that it predicts. */
  readonly target: string
  /** Of a model of several classes. */
  readonly classes: readonly string[] | undefined
  /** Why an update that was kept here is not used, where one is not. */
  readonly refused: string | undefined
  /**
   * One answer for each row, in the order of the rows.
   * @throws Error with the `code` REQUEST_INVALID for rows that break the contract, in the gateway's words, and
   *   FEATURES_FAILED where the model's own code throws
   */
  predict(rows: readonly EdgeRow[]): Promise<EdgeAnswer[]>
  /** Looks at a channel once, and goes over to what is new there if it is whole, signed and answers as it should. */
  update(channel: string | URL): Promise<EdgeUpdate>
  /** Looks again and again. @returns what ends it */
  watch(options: EdgeWatch): () => void
}

/**
 * Loads the model of a folder, or the update of it that was kept last.
 * @param folder its address, or in Node a path; without it the folder of this module; or its files by their names
 * @throws Error with the `code` DIGEST_MISMATCH or OBJECT_MISSING where the folder is not whole, and PARITY where its
 *   model does not answer here as it does where it was packaged
 */
export function load(folder?: string | URL | Readonly<Record<string, Uint8Array>>): Promise<EdgeModel>
