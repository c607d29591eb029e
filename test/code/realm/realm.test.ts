import { describe, expect, it } from 'vitest'
import { loadFunction } from '../../../lib/code/load.ts'
import { digestOf } from '../../../lib/store/digest.ts'

const load = (body: string) => {
  const code = `module.exports.default = ${body}`
  return loadFunction(code, digestOf(code))
}

/** What a function that honest models share does before and after another one was there. */
const honest = (): unknown =>
  load(`({ x, t }) => ({
    cosine: Float64Array.from(x, (value) => Math.cos(value)),
    sorted: [...t].sort().map((text) => text.toUpperCase()),
    matched: t.map((text) => /b/.exec(text)?.[0] ?? null),
  })`)({ x: Float64Array.of(0, 1, 2), t: ['b', 'a', 'c'] })

describe('user code that changes a built-in', () => {
  const before = honest()

  it.each([
    ['Math.cos', 'Math.cos = () => 0'],
    ['Math itself', 'Math = { cos: () => 0 }; this.Math = Math'],
    ['a prototype', 'Array.prototype.map = () => []'],
    ['the prototype of typed arrays', 'Object.getPrototypeOf(Float64Array.prototype).map = () => 0'],
    ['a getter of a prototype', "Object.defineProperty(Array.prototype, 'length', { get: () => 0 })"],
    ['the global object', '(function () { return this })().Float64Array = Array'],
    ['an iterator', '[][Symbol.iterator]().__proto__.next = () => ({ done: true })'],
    ['the prototype of its argument', 'Object.getPrototypeOf(given.x).map = () => 0'],
    ['the constructor of its argument', 'given.x.constructor.from = () => 0'],
    ['the prototype of a text column', 'given.t.__proto__.sort = function () { return this }'],
    ['the memory behind its argument', 'given.x.buffer.constructor.prototype.slice = () => 0'],
    ['RegExp', 'RegExp.prototype.exec = () => null'],
    ['Object.prototype', 'Object.prototype.polluted = 1'],
    ['what every object inherits', "Object.prototype.toString = () => 'x'"],
    ['the name of errors', "Error.prototype.name = 'x'"],
  ])('changes it for nobody: %s', (_, statement) => {
    for (const strictness of ['"use strict";', '']) {
      const meddling = load(`(given) => { ${strictness} ${statement}; return { x: given.x } }`)
      try {
        meddling({ x: Float64Array.of(1), t: ['a'] })
      } catch (thrown) {
        // Strict code is told.
        expect(String(thrown)).toMatch(/TypeError|ReferenceError/)
      }
      expect(honest()).toEqual(before)
      expect(Math.cos(0)).toBe(1)
      expect([1, 2].map((value) => value)).toEqual([1, 2])
      expect(({} as { polluted?: number }).polluted).toBeUndefined()
    }
  })
})

describe('user code', () => {
  it.each([
    ['Date.now()', 'reads the clock'],
    ['new Date()', 'reads the clock'],
    ['Date()', 'reads the clock'],
    ['Reflect.construct(Date, [])', 'reads the clock'],
    ['new (new Date(0).constructor)()', 'reads the clock'],
    ['new (class extends Date {})()', 'reads the clock'],
    ['new Date(2020, 1)', 'reads local time'],
    ['new Date(0).getHours()', 'reads local time'],
    ['new Date(0).getTimezoneOffset()', 'reads local time'],
    ['new Date(0).setHours(1)', 'reads local time'],
    ['new Date(0).toString()', 'reads local time'],
    ['Math.random()', 'reads chance'],
    ['(1e6).toLocaleString()', 'reads the locale'],
    ["'i'.toLocaleUpperCase()", 'reads the locale'],
    ["'a'.localeCompare('b')", 'reads the locale'],
    ['[1].toLocaleString()', 'reads the locale'],
    ['new Date(0).toLocaleDateString()', 'reads the locale'],
  ])('is told what it may not do: %s', (expression, what) => {
    expect(() => load(`() => ({ x: ${expression} })`)({})).toThrow(what)
  })

  it.each([
    ...['process', 'require', 'fetch', 'setTimeout', 'performance', 'crypto', 'Intl', 'SharedArrayBuffer', 'Atomics'],
    ...['WeakRef', 'FinalizationRegistry', 'WebAssembly', 'Buffer', 'structuredClone', 'navigator', 'eval'],
  ])('has no %s', (name) => {
    const code = `const seen = typeof ${name === 'require' ? 'globalThis.require' : name}; module.exports.default = () => seen`
    expect(loadFunction(code, digestOf(code))({})).toBe('undefined')
  })

  it.each([
    "(0, eval.constructor)('return 1')()",
    "(() => {}).constructor('return process')()",
    "(async () => {}).constructor('return process')()",
    "given.x.constructor.constructor('return process')()",
    "given.t.constructor.constructor('return process')()",
  ])('makes no code from text: %s', (expression) => {
    const made = load(`(given) => { try { return ${expression} } catch (error) { return error.constructor.name } }`)
    expect(made({ x: Float64Array.of(1), t: ['a'] })).toMatch(/Error$/)
  })

  it('finds nothing of the last match of somebody else', () => {
    load("() => /secret/.test('a secret')")({})
    expect(load('() => String([RegExp.$1, RegExp.input, RegExp.lastMatch])')({})).toBe(',,')
  })

  it('knows dates by UTC', () => {
    const made = load(
      "() => [new Date(0).getUTCHours(), Date.UTC(2020, 1), new Date(Date.UTC(2020, 1)).toISOString(), '' + new Date(0), new Date(5) - new Date(2), new Date(0) instanceof Date]",
    )
    expect(made({})).toEqual([0, 1580515200000, '2020-02-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', 3, true])
  })

  it('gets what it is given and may change it; who gave it keeps his own', () => {
    const given = { x: Float64Array.of(1, 2), long: new Float32Array(100).fill(2), t: ['a', null] }
    const made = load('(all) => { all.x[0] = 9; all.long[0] = 9; all.t[0] = "z"; return all }')(given)
    expect(given).toEqual({ x: Float64Array.of(1, 2), long: new Float32Array(100).fill(2), t: ['a', null] })
    const changed = new Float32Array(100).fill(2)
    changed[0] = 9
    expect(made).toEqual({ x: Float64Array.of(9, 2), long: changed, t: ['z', null] })
  })

  it('returns objects of ours, whatever it made them of', () => {
    const made = load('() => ({ x: Float32Array.of(1), list: ["a"], inner: { y: Uint8Array.of(1) } })')({}) as {
      x: unknown
      list: unknown
      inner: { y: unknown }
    }
    expect(made.x).toBeInstanceOf(Float32Array)
    expect(made.list).toBeInstanceOf(Array)
    expect(made.inner.y).toBeInstanceOf(Uint8Array)
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
  })

  it('throws errors of ours, with their names and where they came from', () => {
    const code = 'module.exports.default = () => {\n  null.x\n}'
    const failing = loadFunction(code, digestOf(code))
    expect(() => failing({})).toThrow(expect.objectContaining({ name: 'TypeError' }))
    try {
      failing({})
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      expect((error as Error).stack).toMatch(/slipway-code-[0-9a-f]{64}\.js:2:/)
    }
  })

  it('may give its own errors and objects what is locked on their prototypes', () => {
    const made = load(`() => {
      'use strict'
      class OwnError extends Error { constructor(message) { super(message); this.name = 'OwnError' } }
      function Old() { this.toString = () => 'old' }
      Old.prototype.constructor = Old
      const error = new OwnError('mine')
      error.message = 'changed'
      return [String(error), String(new Old()), Object.keys(new OwnError('x'))]
    }`)
    expect(made({})).toEqual(['OwnError: changed', 'old', ['name']])
  })

  it('ends nothing by a promise that fails', async () => {
    const later = load('async () => { throw new Error("later") }')({})
    expect(typeof (later as PromiseLike<unknown>).then).toBe('function')
    await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it('keeps what its module keeps in its own instance', () => {
    const code = 'let count = 0; module.exports.default = () => ++count'
    const [one, other] = [loadFunction(code, digestOf(code)), loadFunction(code, digestOf(code))]
    expect([one({}), one({}), other({})]).toEqual([1, 2, 1])
  })

  it('takes zod from its host, locked', () => {
    const code =
      'const { z } = require("zod"); module.exports.default = () => { try { z.string = null } catch {} return z.string().min(2).safeParse("a").success }'
    expect(loadFunction(code, digestOf(code))({})).toBe(false)
    expect(loadFunction(code, digestOf(code))({})).toBe(false)
  })
})

describe('a DataFrame of danfojs in the realm', () => {
  const withDanfojs = (body: string): unknown => {
    const code = `const dfd = require("danfojs-node"); module.exports.default = (given) => { ${body} }`
    return loadFunction(code, digestOf(code))({ x: [3, 1, 2], t: ['b', 'a', 'b'] })
  }

  it.each([
    ["return df.addColumn('y', df['x'].apply(Math.log1p)).column('y').values", [3, 1, 2].map(Math.log1p)],
    ["return df.query(df['x'].gt(1)).column('x').values", [3, 2]],
    ["return df['t'].str.toUpperCase().values", ['B', 'A', 'B']],
    ["return df['x'].mean()", 2],
    ["return df['x'].add(df['x']).values", [6, 2, 4]],
    ["return df.sortValues('x').column('t').values", ['a', 'b', 'b']],
    ["return df.groupby(['t']).agg({ x: 'sum' }).column('x_sum').values", [5, 1]],
    ["return df['x'].cumSum().values", [3, 4, 6]],
    ["return dfd.getDummies(df['t']).columns.length", 2],
    ["return new dfd.MinMaxScaler().fitTransform(df.loc({ columns: ['x'] })).values.flat()", [1, 0, 0.5]],
    ["return new dfd.LabelEncoder().fit(df['t']).transform(df['t']).values", [0, 1, 0]],
    ['return df.fillNa(0).iloc({ rows: [1] }).values[0]', [1, 'a']],
    ['return dfd.concat({ dfList: [df, df], axis: 0 }).shape', [6, 2]],
    ["return dfd.merge({ left: df, right: df, on: ['t'], how: 'inner' }).shape[0]", 5],
    ["return df['x'].map((value) => value * 2).values", [6, 2, 4]],
    ["return df.describe().column('x').values[1]", 2],
  ])('works: %s', (expression, expected) => {
    expect(withDanfojs(`const df = new dfd.DataFrame(given); ${expression}`)).toEqual(expected)
  })

  it('is told what it may not do as well: its hours are local ones', () => {
    expect(() => withDanfojs("return new dfd.Series(['2020-01-01T10:00:00Z']).dt.hours().values")).toThrow(
      'reads local time',
    )
  })

  it('is changed for nobody', () => {
    expect(
      withDanfojs('try { dfd.DataFrame.prototype.query = null } catch {} return typeof dfd.DataFrame.prototype.query'),
    ).toBe('function')
  })
})
