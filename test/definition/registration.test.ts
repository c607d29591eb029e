import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Digest } from '../../lib/formats/artifact.ts'
import { requireInForce, type VersionName } from '../../lib/formats/in-force.ts'
import type { ModelState } from '../../lib/formats/records.ts'
import { changeRoute, type ModelVersion, type Route } from '../../lib/formats/route.ts'
import { championIn, inForceFor, promote, register } from '../../lib/stats/registration.ts'

const digest = (n: number): Digest => `sha256:${n.toString(16).padStart(64, '0')}`
const named = (version: number): VersionName => ({ version, digest: digest(version) })
const variant = (version: number): ModelVersion => ({ model: 'm', ...named(version) })
const state = (versions: number, ...champions: number[]): ModelState => ({
  versions: Array.from({ length: versions }, (_, i) => digest(i + 1)),
  champions,
  candidate: versions,
})
const moved = expect.objectContaining({ code: 'CHAMPION_MOVED' })

describe('the compare', () => {
  it('passes what was judged against what is in force, and nothing else', () => {
    const version = fc.option(fc.integer({ min: 1, max: 4 }).map(named))
    fc.assert(
      fc.property(version, version, fc.integer({ min: 1, max: 4 }).map(digest), (now, expected, candidate) => {
        const compare = (): void => requireInForce('model m', now, expected, candidate)
        if (now?.digest === expected?.digest || now?.digest === candidate) expect(compare).not.toThrow()
        else expect(compare).toThrow(moved)
      }),
    )
  })
  it('asks for nothing where 0.7 or before asks, and names both versions where it refuses', () => {
    expect(() => requireInForce('model m', named(3), undefined, digest(9))).not.toThrow()
    expect(() => requireInForce('endpoint e', named(3), null, digest(9))).toThrow(
      /^endpoint e: the candidate was judged against nothing, and version 3 \(000000000000\) is in force now$/,
    )
  })
})

describe('a registration', () => {
  it('takes over from what it was judged against', () => {
    expect(register(state(1, 1), 'm', { digest: digest(2), promote: true, expect: named(1) })).toEqual(state(2, 1, 2))
    expect(register(undefined, 'm', { digest: digest(1), promote: true, expect: null })).toEqual(state(1, 1))
  })
  it('is refused where something else is in force, unless it takes nothing over', () => {
    const late = { digest: digest(3), expect: named(1) }
    expect(() => register(state(2, 1, 2), 'm', { ...late, promote: true })).toThrow(moved)
    expect(() => register(state(2, 1), 'm', { ...late, promote: true, expect: null })).toThrow(moved)
    expect(register(state(2, 1, 2), 'm', { ...late, promote: false })).toEqual(state(3, 1, 2))
  })
  it('asked for twice changes nothing the second time, whoever is champion by then', () => {
    const order = { digest: digest(2), promote: true, expect: named(1) }
    const once = register(state(1, 1), 'm', order)
    expect(register(once, 'm', order)).toBe(once)
    const later = { ...once, champions: [...once.champions, 1] }
    expect(register(later, 'm', order)).toBe(later)
  })
  it('and a promotion is refused the same', () => {
    expect(promote(state(3, 1), 'm', 3, named(1)).champions).toEqual([1, 3])
    expect(() => promote(state(3, 1, 2), 'm', 3, named(1))).toThrow(moved)
    expect(promote(state(3, 1, 2), 'm', 1, undefined).champions).toEqual([1, 2, 1])
  })
})

describe('what a candidate would replace', () => {
  const route = (champion: number, previous: number | null = null): Route => ({
    slipway: 'route/1',
    endpoint: 'e',
    revision: 1,
    champion: variant(champion),
    previous: previous === null ? null : variant(previous),
    rollout: null,
  })
  it.each<[string, number, ModelState | undefined, Route | undefined, number | null, number | null]>([
    ['nothing where there is none', 1, undefined, undefined, null, null],
    ['the champion of the model', 3, state(2, 1, 2), undefined, 2, 2],
    ['the champion of its endpoint, whatever the model says', 3, state(2, 1, 2), route(1), 1, 1],
    ['itself, compared with what it took over from', 2, state(2, 1, 2), undefined, 2, 1],
    ['itself, compared with what it took over from at its endpoint', 3, state(3, 1, 2, 3), route(3, 1), 3, 1],
    ['itself, compared with nothing if it was first', 1, state(1, 1), undefined, 1, null],
  ])('is %s', (_, candidate, model, served, champion, opponent) => {
    const found = inForceFor(digest(candidate), 'm', model, served)
    expect([found.champion?.version ?? null, found.opponent?.version ?? null]).toEqual([champion, opponent])
  })
  it('is of its own model, also where the endpoint serves another', () => {
    const other = { ...route(1), champion: { ...variant(1), model: 'other' } }
    expect(inForceFor(digest(3), 'm', state(2, 2), other).champion).toEqual(named(2))
    expect(championIn(state(2, 2))).toEqual(named(2))
  })
})

describe('a rollout', () => {
  const hold = {
    id: 'r',
    candidate: variant(2),
    mode: 'split',
    share: 0,
    salt: 'r',
    sticky: null,
    slowMs: null,
  } as const
  const opened = changeRoute(undefined, 'e', { kind: 'open', variant: variant(1) })
  it('begins only where what its candidate was judged against is served', () => {
    expect(changeRoute(opened, 'e', { kind: 'begin', rollout: hold, expect: named(1) }).rollout?.id).toBe('r')
    expect(() => changeRoute(opened, 'e', { kind: 'begin', rollout: hold, expect: named(3) })).toThrow(moved)
  })
  it('promotes only over the champion it was compared with', () => {
    const begun = changeRoute(opened, 'e', { kind: 'begin', rollout: hold })
    const finish = { kind: 'finish', rollout: 'r', candidate: variant(2) } as const
    expect(changeRoute(begun, 'e', { ...finish, promote: true, expect: named(1) }).champion.version).toBe(2)
    expect(() => changeRoute(begun, 'e', { ...finish, promote: true, expect: named(3) })).toThrow(moved)
    expect(changeRoute(begun, 'e', { ...finish, promote: false, expect: named(3) })).toMatchObject({ rollout: null })
  })
  it('of what is served already does not begin', () => {
    const same = { ...hold, candidate: variant(1) }
    expect(changeRoute(opened, 'e', { kind: 'begin', rollout: same, expect: named(3) })).toBe(opened)
  })
})
