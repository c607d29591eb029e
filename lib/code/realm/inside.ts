/*
 * What runs inside a realm of user code, before user code does. Each function is taken there as its text, so it may use
 * nothing but its own words and what every realm has: no import, no constant of this file.
 */

// biome-ignore lint/suspicious/noExplicitAny: objects of another realm, of all kinds
type Any = any

/**
 * Takes away what would make a result depend on more than its arguments: clock, chance, local time, locale, memory
 * that others share, what sees the garbage collector. What is left is what its name is in the list.
 * @param kept names of globals that stay
 */
export function tame(kept: readonly string[]): void {
  const refuse = (what: string): ((...args: Any[]) => never) =>
    function refused(): never {
      throw new Error(`this ${what}: a result may depend on nothing but its arguments`)
    }
  const give = (object: Any, name: PropertyKey, value: unknown): void => {
    Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true })
  }
  const NativeDate = Date
  const TamedDate = function (this: unknown, ...args: Any[]): unknown {
    if (new.target === undefined) refuse('reads the clock (Date())')()
    if (args.length === 0) refuse('reads the clock (new Date())')()
    if (args.length > 1) refuse('reads local time (new Date(year, month): take Date.UTC)')()
    return Reflect.construct(NativeDate, args, new.target as unknown as typeof Object)
  }
  give(TamedDate, 'name', 'Date')
  TamedDate.prototype = NativeDate.prototype
  give(TamedDate, 'UTC', NativeDate.UTC)
  give(TamedDate, 'parse', NativeDate.parse)
  give(TamedDate, 'now', refuse('reads the clock (Date.now)'))
  give(NativeDate.prototype, 'constructor', TamedDate)
  give(globalThis, 'Date', TamedDate)
  const isLocal = /^((get|set)(?!UTC|Time$)|toString$|toDateString$|toTimeString$)/
  for (const name of Object.getOwnPropertyNames(NativeDate.prototype))
    if (isLocal.test(name)) give(NativeDate.prototype, name, refuse(`reads local time (Date.prototype.${name})`))
  // It takes the local form where a Date becomes a text; numbers are made by `valueOf`.
  give(NativeDate.prototype, Symbol.toPrimitive, function (this: Date, hint: string) {
    return hint === 'number' ? this.valueOf() : this.toISOString()
  })
  give(Math, 'random', refuse('reads chance (Math.random)'))
  const withLocale = /^(toLocale\w+|localeCompare)$/
  const TypedArray = Object.getPrototypeOf(Uint8Array)
  for (const of of [Object, Array, TypedArray, String, Number, BigInt, NativeDate])
    for (const name of Object.getOwnPropertyNames(of.prototype))
      if (withLocale.test(name)) give(of.prototype, name, refuse(`reads the locale (${of.name}.prototype.${name})`))
  // What the last match was: every user of regular expressions would see it.
  const ofLastMatch = /^(\$.|input|lastMatch|lastParen|leftContext|rightContext)$/
  for (const name of Object.getOwnPropertyNames(RegExp)) if (ofLastMatch.test(name)) delete (RegExp as Any)[name]
  for (const name of Object.getOwnPropertyNames(globalThis)) if (!kept.includes(name)) delete (globalThis as Any)[name]
}

/**
 * What packages of the host find instead of what the realm has not. The median of mathjs takes its pivots by chance,
 * and finds the same whichever they are; TensorFlow asks who encodes texts, and looks for a browser or for Node. A
 * feature that does depend on their chance is found when it is made a second time.
 * @returns by the names they go by
 */
export function standIns(): Readonly<Record<string, unknown>> {
  class TextEncoder {
    encode(text: string): Uint8Array {
      return Uint8Array.from(unescape(encodeURIComponent(text)), (character) => character.charCodeAt(0))
    }
  }
  class TextDecoder {
    decode(bytes: Uint8Array): string {
      return decodeURIComponent(escape(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')))
    }
  }
  // A sequence, for some try again until they get another number: the minimal standard generator of Park and Miller.
  let state = 1
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  const math = Object.create(Math, { random: { value: random } })
  // What they keep in global names stays theirs.
  const own = Object.create(globalThis)
  return { Math: math, TextEncoder, TextDecoder, WorkerGlobalScope: TextEncoder, globalThis: own }
}

/**
 * Makes all that can be reached from the globals, and from packages the host gives, so that nobody can change it.
 *
 * Prototypes are locked property by property: Node 20 takes a frozen `Object.prototype`, `Array.prototype` or that of
 * typed arrays for one whose elements may be anything, and stores into every array many times slower from then on.
 * @param packages of the host: of them functions and their prototypes are locked, not what they keep
 */
export function lock(packages: readonly unknown[]): void {
  const seen = new Set<Any>()
  const prototypes = new Set<Any>()
  const isObject = (value: unknown): value is Any =>
    (typeof value === 'object' && value !== null) || typeof value === 'function'
  const valuesOf = (object: Any): unknown[] =>
    Reflect.ownKeys(object).flatMap((key) => {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor
      return [value, get, set]
    })
  const reach = (value: unknown): void => {
    if (!isObject(value) || value === globalThis || seen.has(value)) return
    seen.add(value)
    if (typeof value === 'function' && isObject(value.prototype)) prototypes.add(value.prototype)
    reach(Object.getPrototypeOf(value))
    for (const each of valuesOf(value)) reach(each)
  }
  for (const name of Object.getOwnPropertyNames(globalThis)) reach((globalThis as Any)[name])
  const syntax = [
    function* () {},
    async () => {},
    async function* () {},
    [][Symbol.iterator](),
    ''[Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    ''.matchAll(/./g),
  ]
  for (const value of syntax) reach(Object.getPrototypeOf(value))
  const reachFunctions = (value: unknown): void => {
    if (typeof value !== 'function' || seen.has(value)) return
    seen.add(value)
    for (const each of valuesOf(value)) reachFunctions(each)
    if (!isObject(value.prototype)) return
    prototypes.add(value.prototype)
    seen.add(value.prototype)
    for (const each of valuesOf(value.prototype)) reachFunctions(each)
    reachFunctions(Object.getPrototypeOf(value.prototype)?.constructor)
  }
  for (const exported of packages)
    if (isObject(exported)) {
      for (const each of valuesOf(exported)) reachFunctions(each)
      seen.add(exported)
    }
  /*
   * In strict code nothing can be given a property of a name that is locked on its prototype. These are given all the
   * time, `this.name = 'MyError'` first of all: they stay for others to define by assigning.
   */
  const givenToOthers: readonly (readonly [Any, readonly string[]])[] = [
    [Object.prototype, ['constructor', 'toString', 'valueOf', 'hasOwnProperty']],
    [Function.prototype, ['constructor', 'toString']],
    ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError].map(
      (error) => [error.prototype, ['constructor', 'name', 'message', 'toString']] as const,
    ),
  ]
  for (const [prototype, names] of givenToOthers)
    for (const name of names) {
      const property = Object.getOwnPropertyDescriptor(prototype, name)
      if (property === undefined || !('value' in property)) continue
      const { value, enumerable } = property
      const get = (): unknown => value
      const set = function (this: Any, own: unknown): void {
        if (this === prototype) throw new TypeError(`nobody can change ${name} of a built-in`)
        Object.defineProperty(this, name, { value: own, writable: true, enumerable: true, configurable: true })
      }
      for (const accessor of [get, set]) seen.add(accessor)
      Object.defineProperty(prototype, name, { get, set, enumerable: enumerable ?? false, configurable: true })
    }
  for (const object of seen) {
    if (!prototypes.has(object)) {
      Object.freeze(object)
      continue
    }
    Object.preventExtensions(object)
    for (const key of Reflect.ownKeys(object)) {
      const property = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor
      if (!property.configurable) continue
      const locked = 'value' in property ? { writable: false, configurable: false } : { configurable: false }
      Object.defineProperty(object, key, locked)
    }
  }
  Object.freeze(globalThis)
}

/** What the host calls a realm by. */
export interface Door {
  /** A new module's `module`, and the `require` that knows the host's packages. */
  begin(): { readonly module: { exports: Any }; readonly require: (name: string) => unknown }
  /** Calls a function with the host's values, made anew here: user code gets hold of nothing of the host's. */
  call(callee: (...args: Any[]) => unknown, given: readonly unknown[]): unknown
}

/** @param packages of the host, by name */
export function makeDoor(packages: Readonly<Record<string, unknown>>): Door {
  const { apply } = Reflect
  const { isArray } = Array
  const then = Promise.prototype.then
  const typed: Readonly<Record<string, Any>> = Object.assign(Object.create(null), {
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
  })
  // Below it a loop is quicker than a constructor.
  const few = 16
  const adopted = (value: Any): unknown => {
    if (typeof value === 'function') return () => adopted(value())
    if (typeof value !== 'object' || value === null) return value
    const { length } = value
    if (isArray(value)) {
      const array = new Array(length)
      for (let i = 0; i < length; i++) {
        const member = value[i]
        array[i] = typeof member === 'string' || member === null ? member : adopted(member)
      }
      return array
    }
    const Typed = typed[value[Symbol.toStringTag]]
    if (Typed !== undefined) {
      if (length > few) return new Typed(value)
      const array = new Typed(length)
      for (let i = 0; i < length; i++) array[i] = value[i]
      return array
    }
    const object: Record<string, unknown> = {}
    for (const name in value) object[name] = adopted(value[name])
    return object
  }
  const ignore = (): void => {}
  return {
    begin: () => ({
      module: { exports: {} },
      require: (name) => {
        if (Object.hasOwn(packages, name)) return packages[name]
        throw new Error(`workers do not have the package ${name}`)
      },
    }),
    call(callee, given) {
      const args = new Array(given.length)
      for (let i = 0; i < given.length; i++) args[i] = adopted(given[i])
      const result = apply(callee, undefined, args)
      // Nobody awaits it; that it fails would end the process.
      if (result instanceof Promise) apply(then, result, [ignore, ignore])
      return result
    },
  }
}
