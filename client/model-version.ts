import { nearest } from '../lib/code/nearest.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { ModelVersion } from '../lib/formats/route.ts'
import { championOf, listModels, readModel } from '../lib/store/registry.ts'
import { readRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'

/**
 * `flights`, `flights@3`, `flights@champion`: a version of a model, by its own name or that of an endpoint that serves
 * it. Without a number the champion: of the endpoint, where there is one.
 * @throws SlipwayError NOT_FOUND
 */
export async function servedVersion(store: Store, what: string): Promise<ModelVersion> {
  const [name = '', which = 'champion'] = what.split('@')
  const route = await readRoute(store, name)
  if (route !== undefined && which === 'champion') return route.champion
  const model = route?.champion.model ?? name
  const state = await readModel(store, model)
  const digest = which === 'champion' ? championOf(state) : state?.versions[Number(which) - 1]
  if (state !== undefined && digest !== undefined)
    return ModelVersion.parse({ model, version: state.versions.indexOf(digest) + 1, digest })
  throw new SlipwayError(
    'NOT_FOUND',
    `there is no ${which === 'champion' ? 'champion' : `version ${which}`} of "${name}"`,
    { next: 'see `npx slipway models`' },
  )
}

/**
 * `flights`, `flights@3`, `flights@champion`, `flights@candidate`. A bare name is its champion, or its last version;
 * undefined where there is no model of that name.
 * @throws SlipwayError NOT_FOUND
 */
export async function registeredVersion(store: Store, what: string): Promise<ModelVersion | undefined> {
  const [model = '', which] = what.split('@')
  if (!/^[a-z0-9][a-z0-9-]*$/.test(model)) return undefined
  const state = await readModel(store, model)
  if (state === undefined) return undefined
  const { champions, candidate, versions } = state
  const numberOf = (): number => {
    if (which === undefined) return champions.at(-1) ?? versions.length
    if (which === 'champion') return champions.at(-1) ?? 0
    return which === 'candidate' ? (candidate ?? 0) : Number(which)
  }
  const version = numberOf()
  const digest = versions[version - 1]
  if (digest !== undefined) return { model, version, digest }
  throw noSuchVersion('NOT_FOUND', model, `"${which}"`, versions.length)
}

/** The same, where there must be one. @throws SlipwayError NOT_FOUND */
export async function requireVersion(store: Store, what: string): Promise<ModelVersion> {
  const version = await registeredVersion(store, what)
  if (version !== undefined) return version
  throw await unknownName(store, what, `there is no model "${what}"; there are`, 'see `slipway models`')
}

/** All versions of a model, or of all models, the oldest of each first. */
export async function registeredVersions(store: Store, model?: string): Promise<ModelVersion[]> {
  const names = model === undefined ? await listModels(store) : [model]
  const versions = names.map(async (name) =>
    ((await readModel(store, name))?.versions ?? []).map((digest, i) => ({ model: name, version: i + 1, digest })),
  )
  return (await Promise.all(versions)).flat()
}

/** That nothing is called so. @param said of it, up to the names of models @param next where no name is near */
export async function unknownName(store: Store, what: string, said: string, next: string): Promise<SlipwayError> {
  const names = await listModels(store)
  const meant = nearest(what, names)
  return new SlipwayError('NOT_FOUND', `${said} ${names.join(', ') || 'none yet'}`, {
    next: meant === undefined ? next : `did you mean "${meant}"?`,
  })
}

/** @throws SlipwayError USAGE */
export async function numberedVersion(store: Store, model: string, number: string): Promise<ModelVersion> {
  const state = await readModel(store, model)
  const digest = state?.versions[Number(number) - 1]
  if (digest !== undefined) return { model, version: Number(number), digest }
  throw noSuchVersion('USAGE', model, number, state?.versions.length ?? 0)
}

function noSuchVersion(code: 'NOT_FOUND' | 'USAGE', model: string, which: string, versions: number): SlipwayError {
  return new SlipwayError(code, `model ${model} has no version ${which}; it has 1 to ${versions}`, {
    next: 'see `slipway models`',
  })
}
