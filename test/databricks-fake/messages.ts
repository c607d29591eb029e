import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'

/** What the descriptors of MLflow say of requests and answers; `test/reference/databricks-messages.py` prints it. */
export interface Messages {
  readonly endpoints: Readonly<Record<string, { readonly in: string; readonly out: string }>>
  readonly messages: Readonly<Record<string, Readonly<Record<string, Field>>>>
  readonly enums: Readonly<Record<string, readonly string[]>>
}
interface Field {
  /** `string`, `int`, `number`, `bool`, or the name of a message or an enumeration. */
  readonly kind: string
  readonly repeated?: boolean
  readonly required?: boolean
}

export const messagesFile = join(packageRoot, 'test/reference/databricks-messages.json')
export const known: Messages = JSON.parse(readFileSync(messagesFile, 'utf8'))

/** Holds a value to a message: required and unknown fields, types, enumerations. @returns what is wrong */
export function problemsOf(message: string, value: unknown, path = ''): string[] {
  const fields = known.messages[message]
  if (fields === undefined) throw new Error(`there is no message ${message}`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path || message} is no object`]
  const given = Object.entries(value)
  const missing = Object.entries(fields)
    .filter(([name, { required }]) => required === true && !given.some(([each]) => each === name))
    .map(([name]) => `${path}${name} is missing`)
  const wrong = given.flatMap(([name, each]) => {
    const field = fields[name]
    if (field === undefined) return [`${message} has no ${path}${name}`]
    if (field.repeated !== true) return problemsOfOne(field.kind, each, `${path}${name}`)
    if (!Array.isArray(each)) return [`${path}${name} is no list`]
    return each.flatMap((one, i) => problemsOfOne(field.kind, one, `${path}${name}[${i}]`))
  })
  return [...missing, ...wrong]
}

function problemsOfOne(kind: string, value: unknown, path: string): string[] {
  const is = (fits: boolean): string[] => (fits ? [] : [`${path} is no ${kind}: ${JSON.stringify(value)}`])
  if (kind === 'string') return is(typeof value === 'string')
  if (kind === 'int') return is(Number.isSafeInteger(value))
  if (kind === 'number') return is(typeof value === 'number')
  if (kind === 'bool') return is(typeof value === 'boolean')
  const values = known.enums[kind]
  return values === undefined ? problemsOf(kind, value, `${path}.`) : is(values.includes(value as string))
}

/** What a query says, in the types of its message. */
export function messageIn(message: string, query: URLSearchParams): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (const [name, text] of query) {
    const { kind = 'string', repeated } = known.messages[message]?.[name] ?? {}
    const value = kind === 'int' ? Number(text) : kind === 'bool' ? text === 'true' : text
    if (repeated === true) read[name] = [...((read[name] as unknown[] | undefined) ?? []), value]
    else read[name] = value
  }
  return read
}
