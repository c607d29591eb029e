/** What stands in for Node's `inspect` where there is none: a thrown thing that is no error, in a few words. */
export function inspect(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? `'${value}'` : String(value)
  return JSON.stringify(value) ?? Object.prototype.toString.call(value)
}

/** Here all code is of one realm. */
export const types = { isNativeError: (value: unknown): value is Error => value instanceof Error }
