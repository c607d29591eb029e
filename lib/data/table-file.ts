import type { Compression } from './text-files.ts'

/** A file of a table, and what its bytes do not tell. */
export interface TableFile {
  readonly path: string
  /** What messages call it; its path by default. */
  readonly name?: string
  /** Of text; none by default. */
  readonly compression?: Compression
  /** Columns with one value, which the file's folders name; null where they say it is missing. */
  readonly partition?: Readonly<Record<string, string | null>>
}

/** A column as it lies in some files. */
export interface FoundColumn {
  /** SQL of it, over `FoundFiles.from`. */
  readonly sql: string
  /** DuckDB's type; empty for text and JSON. */
  readonly type: string
  readonly carrier: 'typed' | 'cell' | 'json'
}

/** Files that are read alike, in their order. */
export interface FoundFiles {
  /**
   * A FROM clause. Rows come in their order; `fileColumn`, `rowColumn` and `problemColumn` are there besides the files'
   * own.
   */
  readonly from: string
  /** The columns there are, by their own names. */
  readonly columns: ReadonlyMap<string, FoundColumn>
  /** Rows, counted by the footers or by a scan, not by who reads the values. */
  readonly rows: number
  readonly files: readonly TableFile[]
}

/** Number of a row's file in its table, from 0. */
export const fileColumn = '"file:"'
/** Number of a row in its file, from 1. */
export const rowColumn = '"row:"'
/** What is wrong with a row as a whole; null where nothing is. */
export const problemColumn = '"problem:"'

export const nameOf = ({ path, name }: TableFile): string => name ?? path.split('/').at(-1) ?? path
