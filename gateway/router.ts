import { SlipwayError } from '../lib/formats/errors.ts'
import { smallBody } from './bodies/json-bounds.ts'
import type { HttpRequest } from './http-request.ts'
import type { Outgoing, Route } from './protocols/protocol.ts'

/** A route, and whose it is, in words. */
export interface OwnedRoute extends Omit<Route, 'answer'> {
  readonly owner: string
  /** Bytes that a body may have; 64 KiB, if it is not said. */
  limitOf?(request: HttpRequest): number
  answer(request: HttpRequest, name: string | undefined, version: string | undefined): ReturnType<Route['answer']>
}

/** Finds what a path asks for. */
export interface Router {
  /** @throws SlipwayError NOT_FOUND, and what the route throws */
  answer(request: HttpRequest): Promise<Outgoing> | Outgoing
  /** Bytes that its body may have. */
  limitOf(request: HttpRequest): number
  /** Whether a request is answered without a token. */
  isOpen(request: Pick<HttpRequest, 'method' | 'url'>): boolean
}

/** A route, and what its parameters are. */
interface Found {
  readonly route: OwnedRoute
  readonly name: string | undefined
  readonly version: string | undefined
}

/** A path with parameters, as it is matched. */
interface Pattern {
  /** How every path that matches begins: quicker to compare than the pattern. */
  readonly prefix: string
  readonly expression: RegExp
  /** Which groups of the expression are the parameters; 0 for one that it has not. */
  readonly name: number
  readonly version: number
  readonly route: OwnedRoute
}

/**
 * @param routes those with parameters in the order in which they are tried
 * @throws SlipwayError DEFINITION_INVALID for two that answer the same path, and for one that is no path
 */
export function createRouter(routes: readonly OwnedRoute[]): Router {
  for (const route of routes) requirePath(route)
  requireDistinct(routes)
  const hasParameters = ({ path }: OwnedRoute): boolean => path.includes('{')
  const patterns = routes.filter(hasParameters).map(patternOf)
  const fixed = new Map(routes.filter((route) => !hasParameters(route)).map((route) => [keyOf(route), route]))
  const open = new Set(routes.filter(({ isOpen }) => isOpen === true).map(keyOf))
  const find = (request: HttpRequest): Found | undefined => {
    const path = pathOf(request.url)
    const method = readingMethod(request.method)
    for (const { prefix, expression, name, version, route } of patterns) {
      if (route.method !== method || !path.startsWith(prefix)) continue
      const match = expression.exec(path)
      if (match === null) continue
      const found = name === 0 ? undefined : nameOf(match[name] as string)
      return { route, name: found, version: version === 0 ? undefined : match[version] }
    }
    const route = fixed.get(`${method} ${path}`)
    return route && { route, name: undefined, version: undefined }
  }
  return {
    isOpen: ({ method, url }) => open.has(`${readingMethod(method)} ${url}`),
    limitOf: (request) => find(request)?.route.limitOf?.(request) ?? smallBody,
    answer(request) {
      const found = find(request)
      if (found !== undefined) return found.route.answer(request, found.name, found.version)
      const path = pathOf(request.url)
      throw new SlipwayError('NOT_FOUND', `there is nothing at ${request.method} ${path.slice(0, 200)}`)
    },
  }
}

/** The literal beginning of a path: all that come to it begin so. */
export const prefixOf = (path: string): string => path.split('{', 1)[0] as string

const keyOf = ({ method, path }: OwnedRoute): string => `${method} ${path}`

/** HEAD is GET whose body is not sent (Node leaves it out). */
const readingMethod = (method: string): string => (method === 'HEAD' ? 'GET' : method)

/** Of a URL, without its query and a slash at its end. */
function pathOf(url: string): string {
  const query = url.indexOf('?')
  const whole = query < 0 ? url : url.slice(0, query)
  return whole.length > 1 && whole.endsWith('/') ? whole.slice(0, -1) : whole
}

/** A name in a path; one that cannot be decoded is no name of ours. */
function nameOf(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const parameter = /\{(name|version)\}/

/**
 * A parameter reaches to the character behind it in the path, and never past a slash or a colon: no name has one, and
 * what stands behind a colon is asked for by another method.
 */
function patternOf(route: OwnedRoute): Pattern {
  const parts = route.path.split(parameter)
  let expression = ''
  const groups: string[] = []
  for (const [i, part] of parts.entries()) {
    if (i % 2 === 0) expression += escaped(part)
    else {
      groups.push(part)
      expression += `([^/:${escaped(parts[i + 1]?.[0] ?? '')}]+)`
    }
  }
  return {
    prefix: prefixOf(route.path),
    expression: new RegExp(`^${expression}$`),
    name: groups.indexOf('name') + 1,
    version: groups.indexOf('version') + 1,
    route,
  }
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')

function requirePath({ path, owner }: OwnedRoute): void {
  if (path.startsWith('/') && !/[{}]/.test(path.replace('{name}', '').replace('{version}', ''))) return
  throw new SlipwayError('DEFINITION_INVALID', `"${path}", a route of ${owner}, is no path`, {
    next: 'begin it with a slash; it may have {name} and {version} once each, and no other parameters',
  })
}

function requireDistinct(routes: readonly OwnedRoute[]): void {
  for (const [i, one] of routes.entries())
    for (const other of routes.slice(0, i))
      if (one.method === other.method && pathsOverlap(one.path, other.path))
        throw new SlipwayError(
          'DEFINITION_INVALID',
          `${one.method} ${one.path} is a route of ${one.owner}, and ${other.method} ${other.path} of ${other.owner}: some requests would come to both`,
          { next: 'give one of them another path' },
        )
}

/** Whether a path may come to both. */
export function pathsOverlap(one: string, other: string): boolean {
  const [left, right] = [one.split('/'), other.split('/')]
  return left.length === right.length && left.every((part, i) => partsOverlap(part, right[i] as string))
}

/** `{name}` may be anything, `{name}:predict` whatever ends so; two of different ends have nothing in common. */
function partsOverlap(one: string, other: string): boolean {
  const [left, right] = [one, other].map((part) => part.split(parameter)) as [string[], string[]]
  if (left.length === 1 && right.length === 1) return one === other
  const starts = [left[0] as string, right[0] as string]
  const ends = [left.at(-1) as string, right.at(-1) as string]
  const agree = ([a, b]: string[], has: 'startsWith' | 'endsWith'): boolean =>
    (a as string)[has](b as string) || (b as string)[has](a as string)
  return agree(starts, 'startsWith') && agree(ends, 'endsWith')
}
