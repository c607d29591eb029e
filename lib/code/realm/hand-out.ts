import { types } from 'node:util'

const typedArrays = [
  Float64Array,
  Float32Array,
  Int32Array,
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
] as const
type TypedArray = InstanceType<(typeof typedArrays)[number]>
const byTag = new Map(typedArrays.map((type) => [type.name, type] as const))

/** Getters that say what a typed array is, whatever its own properties say. */
const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object
const getterOf = (name: PropertyKey): (() => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown
const [tagOf, bufferOf, offsetOf, lengthOf] = [Symbol.toStringTag, 'buffer', 'byteOffset', 'length'].map(getterOf)

/** Levels of objects in objects that are made anew: what lies deeper is nobody's table. */
const deepest = 6

/**
 * What user code returned, as objects of the host: typed arrays over the same memory, lists and plain objects made
 * anew. What is none of these, a promise or a function, stays what it is, for its reader to refuse.
 */
export function handedOut(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > deepest) return value
  if (ArrayBuffer.isView(value)) return viewOf(value)
  if (Array.isArray(value)) {
    const list = new Array<unknown>(value.length)
    for (let i = 0; i < list.length; i++) {
      const member: unknown = value[i]
      list[i] = typeof member === 'string' || member === null ? member : handedOut(member, depth + 1)
    }
    return list
  }
  if (!isPlain(value)) return value
  const object: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) object[name] = handedOut(member, depth + 1)
  return object
}

function viewOf(value: ArrayBufferView): ArrayBufferView {
  const Typed = byTag.get(tagOf?.call(value) as string) as (new (...args: unknown[]) => TypedArray) | undefined
  return Typed === undefined ? value : new Typed(bufferOf?.call(value), offsetOf?.call(value), lengthOf?.call(value))
}

/** Whether it is what `{ … }` makes, in whatever realm. */
function isPlain(value: object): boolean {
  const parent = Object.getPrototypeOf(value) as object | null
  return parent === null || Object.getPrototypeOf(parent) === null
}

/** What user code threw: errors become the host's, with the stack that they have; anything else stays what it is. */
export function thrownOut(thrown: unknown): unknown {
  if (!types.isNativeError(thrown)) return thrown
  try {
    const { name, message, stack, issues } = thrown as Error & { readonly issues?: unknown }
    const error = new Error(String(message))
    error.name = String(name)
    error.stack = typeof stack === 'string' ? stack : `${error.name}: ${error.message}`
    return issues === undefined ? error : Object.assign(error, { issues: handedOut(issues) })
  } catch {
    // Its parts are the user's code, which may throw.
    return new Error('an error that cannot be read')
  }
}
