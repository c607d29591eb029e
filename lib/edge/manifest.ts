import type { ModelFacts } from '../models/model.ts'

/** A file of a folder or a channel: its sha256 and its size in bytes. */
export interface EdgeFile {
  readonly digest: string
  readonly size: number
}

/** What scoring needs to know of a model: nothing of the data that it was trained on. */
export type EdgeFacts = Pick<
  ModelFacts,
  | 'name'
  | 'task'
  | 'target'
  | 'inputs'
  | 'features'
  | 'answers'
  | 'outputs'
  | 'crosses'
  | 'featureCode'
  | 'decision'
  | 'signature'
>

/** `manifest.json`: a model for the edge, whose digest names all its files. */
export interface EdgeManifest {
  readonly slipway: 'edge/1'
  readonly model: string
  readonly version: number
  /** Digest of its package. */
  readonly package: string
  readonly engine: 'compiled' | 'onnxruntime'
  readonly facts: EdgeFacts
  readonly files: Readonly<Record<string, EdgeFile>>
}

/** `edge.json`: what a folder was made as, and whose signature counts for its updates. */
export interface EdgeFolder {
  readonly slipway: 'edge-folder/1'
  readonly model: string
  readonly version: number
  /** Digest of its package. */
  readonly digest: string
  readonly manifest: string
  /** Nothing older than this is taken from a channel. */
  readonly sequence: number
  /** SPKI, base64; null for a folder that takes no updates. */
  readonly publicKey: string | null
}

/** Rows whose answers are known, `probe.json`: answers are base64 of float32s, or float64s where the model has such. */
export interface Probe {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly answers: string
  /** What the function that answers made of them. */
  readonly decisions?: readonly (number | boolean | string)[]
  /** How far answers may be apart, in parts of 1 or of their own size; 0 means that every bit counts. */
  readonly tolerance: number
}

export const edgeFiles = {
  folder: 'edge.json',
  manifest: 'manifest.json',
  /** Compiled trees: code, tables, and where rows go in and answers come out. */
  wasm: 'model.wasm',
  tables: 'model.tables',
  plan: 'model.json',
  /** Where there are none. */
  onnx: 'model.onnx',
  code: 'features.js',
  /** The function that answers, where there is one. */
  answer: 'answer.js',
  crosses: 'crosses.json',
  probe: 'probe.json',
  runtime: 'onnxruntime.mjs',
  runtimeWasm: 'onnxruntime.wasm',
} as const

/** A package that feature code takes from its host. */
export const hostFile = (name: string): string => `host-${name}.js`

export const channelFile = 'channel.json'

/** Where a channel has a file. */
export const channelPath = (digest: string): string => `files/${digest.slice('sha256:'.length)}`

/** What a channel's signature is about: `predicateType` of its statement. */
export const channelType = 'urn:slipway:edge:v1'

/** What is signed of a publication, besides the digest of its manifest. */
export interface Publication {
  readonly sequence: number
  readonly version: number
  readonly package: string
}
