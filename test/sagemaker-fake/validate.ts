import type { ServiceModel, Shape } from '../support/botocore.ts'

/** A value that a shape does not allow, in the words of AWS's own messages. */
type Problem = string

/**
 * Holds a value to a shape of a service model: required and unknown members, types, enumerations, patterns, lengths and
 * bounds. AWS passes over members that it does not know; here they are refused.
 * @returns what is wrong, nothing where it fits
 */
export function problemsOf(model: ServiceModel, shapeName: string, value: unknown): Problem[] {
  return check(model, shapeName, value, '')
}

/** AWS's sentence of several problems. */
export const inOneSentence = (problems: readonly Problem[]): string =>
  `${problems.length} validation error${problems.length === 1 ? '' : 's'} detected: ${problems.join('; ')}`

function check(model: ServiceModel, shapeName: string, value: unknown, path: string): Problem[] {
  const shape = model.shapes[shapeName]
  if (shape === undefined) throw new Error(`the service model has no shape ${shapeName}`)
  switch (shape.type) {
    case 'structure':
      return structure(model, shape, value, path)
    case 'list':
      return list(model, shape, value, path)
    case 'map':
      return map(model, shape, value, path)
    default:
      return scalar(shape, value, path)
  }
}

function structure(model: ServiceModel, shape: Shape, value: unknown, path: string): Problem[] {
  if (!isObject(value)) return [ofType('a structure', value, path)]
  const members = shape.members ?? {}
  const given = Object.entries(value).filter(([, each]) => each !== undefined && each !== null)
  const missing = (shape.required ?? []).filter((name) => !given.some(([each]) => each === name))
  const problems = missing.map((name) => failed('null', at(path, name), 'Member must not be null'))
  if (shape.union === true && given.length !== 1)
    problems.push(failed(show(value), path, 'Member must have exactly one value set'))
  for (const [name, each] of given) {
    const member = members[name]
    if (member === undefined) problems.push(failed(show(each), at(path, name), 'Member is not known'))
    else problems.push(...check(model, member.shape, each, at(path, name)))
  }
  return problems
}

function list(model: ServiceModel, shape: Shape, value: unknown, path: string): Problem[] {
  if (!Array.isArray(value)) return [ofType('a list', value, path)]
  const member = shape.member?.shape as string
  return [
    ...lengthProblems(shape, value.length, value, path),
    ...value.flatMap((each, i) => check(model, member, each, `${path}.${i + 1}.member`)),
  ]
}

function map(model: ServiceModel, shape: Shape, value: unknown, path: string): Problem[] {
  if (!isObject(value)) return [ofType('a map', value, path)]
  const entries = Object.entries(value)
  return [
    ...lengthProblems(shape, entries.length, value, path),
    ...entries.flatMap(([key, each]) => [
      ...check(model, shape.key?.shape as string, key, `${path}.${key}.key`),
      ...check(model, shape.value?.shape as string, each, `${path}.${key}.member`),
    ]),
  ]
}

function scalar(shape: Shape, value: unknown, path: string): Problem[] {
  switch (shape.type) {
    case 'string':
      return typeof value === 'string' ? text(shape, value, path) : [ofType('a string', value, path)]
    case 'integer':
    case 'long':
      return Number.isSafeInteger(value) ? bounds(shape, value as number, path) : [ofType('an integer', value, path)]
    case 'float':
    case 'double':
      return typeof value === 'number' ? bounds(shape, value, path) : [ofType('a number', value, path)]
    case 'boolean':
      return typeof value === 'boolean' ? [] : [ofType('a boolean', value, path)]
    // Seconds since 1970 in AWS's JSON.
    case 'timestamp':
      return typeof value === 'number' ? [] : [ofType('a timestamp', value, path)]
    case 'blob':
      return typeof value === 'string' ? [] : [ofType('a blob', value, path)]
    default:
      throw new Error(`shapes of type ${shape.type} are not known here`)
  }
}

function text(shape: Shape, value: string, path: string): Problem[] {
  const problems = lengthProblems(shape, value.length, value, path)
  if (shape.enum !== undefined && !shape.enum.includes(value))
    problems.push(failed(value, path, `Member must satisfy enum value set: [${shape.enum.join(', ')}]`))
  if (shape.pattern !== undefined && !matches(shape.pattern, value))
    problems.push(failed(value, path, `Member must satisfy regular expression pattern: ${shape.pattern}`))
  return problems
}

/** Patterns are Java's, and hold of the whole text. Those that say what JavaScript does not understand hold of all. */
function matches(pattern: string, value: string): boolean {
  for (const flags of ['su', 's']) {
    try {
      return new RegExp(`^(?:${pattern.replaceAll('\\p{Print}', '[\\x20-\\x7E]')})$`, flags).test(value)
    } catch {}
  }
  return true
}

function lengthProblems({ min, max }: Shape, length: number, value: unknown, path: string): Problem[] {
  if (min !== undefined && length < min)
    return [failed(show(value), path, `Member must have length greater than or equal to ${min}`)]
  if (max !== undefined && length > max)
    return [failed(show(value), path, `Member must have length less than or equal to ${max}`)]
  return []
}

function bounds({ min, max }: Shape, value: number, path: string): Problem[] {
  if (min !== undefined && value < min)
    return [failed(show(value), path, `Member must have value greater than or equal to ${min}`)]
  if (max !== undefined && value > max)
    return [failed(show(value), path, `Member must have value less than or equal to ${max}`)]
  return []
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const at = (path: string, name: string): string => {
  const own = name.slice(0, 1).toLowerCase() + name.slice(1)
  return path === '' ? own : `${path}.${own}`
}
const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
const failed = (value: string, path: string, rule: string): Problem =>
  `Value '${value.slice(0, 200)}' at '${path}' failed to satisfy constraint: ${rule}`
const ofType = (type: string, value: unknown, path: string): Problem =>
  failed(show(value), path, `Member must be ${type}`)
