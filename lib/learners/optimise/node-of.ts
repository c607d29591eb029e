import { nodeFields } from '../finished/graph-changes.ts'
import { type Field, fieldOf, fieldsOf, textOf, textsOf } from '../finished/wire.ts'

/** A node of a graph, as far as rewriting needs it. */
export interface NodeOf {
  readonly operator: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** The fields of its attributes, by name. */
  readonly attributes: ReadonlyMap<string, readonly Field[]>
  /** Its field, as it was written. */
  readonly raw: Uint8Array
}

/** @param field of a graph */
export function nodeOf({ bytes, raw }: Field): NodeOf {
  const fields = fieldsOf(bytes as Uint8Array)
  const domain = textOf(fieldOf(fields, nodeFields.domain)?.bytes)
  return {
    operator: textOf(fieldOf(fields, nodeFields.operator)?.bytes),
    domain: domain === 'ai.onnx' ? '' : domain,
    inputs: textsOf(fields, nodeFields.input),
    outputs: textsOf(fields, nodeFields.output),
    attributes: new Map(
      fields.flatMap((each): [string, Field[]][] => {
        if (each.number !== nodeFields.attribute || each.bytes === undefined) return []
        const said = fieldsOf(each.bytes)
        return [[textOf(fieldOf(said, 1)?.bytes), said]]
      }),
    ),
    raw,
  }
}

/** An attribute of whole numbers. */
export const intOf = ({ attributes }: NodeOf, name: string, otherwise: number): number =>
  fieldOf(attributes.get(name) ?? [], 3)?.int ?? otherwise

/** An attribute of a float. */
export function floatOf({ attributes }: NodeOf, name: string, otherwise: number): number {
  const raw = fieldOf(attributes.get(name) ?? [], 2)?.raw
  // A tag of one byte stands before it.
  return raw === undefined ? otherwise : new DataView(raw.buffer, raw.byteOffset + 1, 4).getFloat32(0, true)
}
