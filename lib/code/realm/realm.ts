import { readFileSync } from 'node:fs'
import { compileFunction, constants, createContext, runInContext } from 'node:vm'
import type { UserFunction } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { digestOf } from '../../store/digest.ts'
import { hostPackages, hostTextFile } from '../host.ts'
import { handedOut, thrownOut } from './hand-out.ts'
import { type Door, lock, makeDoor, standIns, tame } from './inside.ts'

/*
 * Where user code runs: a realm of its own in this thread, whose built-ins nobody can change and which has no clock, no
 * chance, no local time, no locale, no environment, no timers and no shared memory. One for all models of a thread that
 * take the same packages from their host, for they can leave nothing behind in it; what a module keeps is its
 * instance's.
 */
type HostPackage = (typeof hostPackages)[number]

/** Globals that user code has: those of the language that depend on nothing. */
const kept = [
  ...['Object', 'Function', 'Array', 'Number', 'parseFloat', 'parseInt', 'Infinity', 'NaN', 'undefined', 'Boolean'],
  ...['String', 'Symbol', 'Date', 'Promise', 'RegExp', 'Error', 'AggregateError', 'EvalError', 'RangeError'],
  ...['ReferenceError', 'SyntaxError', 'TypeError', 'URIError', 'globalThis', 'JSON', 'Math', 'ArrayBuffer'],
  ...['Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array', 'Uint32Array', 'Int32Array', 'Float32Array'],
  ...['Float64Array', 'Uint8ClampedArray', 'BigUint64Array', 'BigInt64Array', 'DataView', 'Map', 'BigInt', 'Set'],
  ...['WeakMap', 'WeakSet', 'Proxy', 'Reflect', 'decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent'],
  ...['escape', 'unescape', 'isFinite', 'isNaN', 'console'],
]

interface Realm {
  /** Runs a CommonJS text and gives its exports. */
  evaluate(text: string, filename: string): unknown
  readonly door: Door
}

/** Realms of this thread, the one that was used last at the end; as many as one piece of work may want at once. */
const realms = new Map<string, Realm>()
const mostRealms = 8

/**
 * Packages that finish their prototypes when they are first used, and so cannot be locked: what takes them has a realm
 * to itself.
 */
const unlockable: readonly HostPackage[] = ['zod']

/** The realm of this thread for a bundle: with the packages it takes from its host. */
export function realmFor(text: string): Realm {
  const packages = hostPackages.filter((name) => text.includes(`require("${name}")`))
  const isShared = !packages.some((name) => unlockable.includes(name))
  const key = isShared ? packages.join() : digestOf(text)
  const realm = realms.get(key) ?? makeRealm(packages)
  realms.delete(key)
  realms.set(key, realm)
  const [oldest] = realms.keys()
  if (realms.size > mostRealms) realms.delete(oldest as string)
  return realm
}

function makeRealm(names: readonly HostPackage[]): Realm {
  // An ordinary global object: with interceptors every name of a built-in would cost a call.
  const context = createContext(constants.DONT_CONTEXTIFY as never, { codeGeneration: { strings: false, wasm: false } })
  const inside = <Part extends (...args: never[]) => unknown>(part: Part): Part =>
    runInContext(`(${part.toString()})`, context) as Part
  const run = (text: string, filename: string, names: readonly string[], values: readonly unknown[]): void =>
    void compileFunction(text, [...names], { filename, parsingContext: context })(...values)
  // A table of the realm's own: of the host's it may keep nothing.
  const packages = runInContext('({})', context) as Record<string, unknown>
  const ofPackages = inside(standIns)()
  for (const name of names) {
    const { module } = inside(makeDoor)(packages).begin()
    const text = readFileSync(hostTextFile(name), 'utf8')
    run(
      text,
      name,
      ['module', 'exports', ...Object.keys(ofPackages)],
      [module, module.exports, ...Object.values(ofPackages)],
    )
    packages[name] = module.exports
  }
  // Packages change built-ins while they load: tamed and locked is what they left.
  inside(tame)(runInContext(JSON.stringify(kept), context) as string[])
  inside(lock)(names.filter((name) => !unlockable.includes(name)).map((name) => packages[name]))
  const door = inside(makeDoor)(packages)
  return {
    door,
    evaluate(text, filename) {
      const { module, require } = door.begin()
      run(text, filename, ['module', 'exports', 'require'], [module, module.exports, require])
      return module.exports
    },
  }
}

/**
 * A function of a realm as one of the host: what it gets is made anew in the realm, what it returns and throws here.
 */
export function hostedFunction({ door }: Realm, userFunction: UserFunction): UserFunction {
  return (...given) => {
    try {
      return handedOut(door.call(userFunction, given))
    } catch (thrown) {
      throw thrownOut(thrown)
    }
  }
}

/** Loads ahead what user code with these packages needs. @throws SlipwayError HOST_MISMATCH where one is not there */
export function warmRealm(packages: readonly string[]): void {
  const unknown = packages.find((name) => !(hostPackages as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new SlipwayError('CODE_IMPURE', `user code asks for ${unknown}; workers offer ${hostPackages.join(' and ')}`)
  // What has a realm to itself finds none that was made for others.
  if (packages.some((name) => (unlockable as readonly string[]).includes(name))) return
  realmFor(packages.map((name) => `require("${name}")`).join('\n'))
}
