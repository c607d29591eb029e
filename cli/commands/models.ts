import { shortDigest } from '../../lib/formats/artifact.ts'
import { metricsInWords } from '../../lib/formats/check.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { passOver } from '../../lib/store/broken.ts'
import { listModels, readModel, readVersion } from '../../lib/store/registry.ts'
import type { Store } from '../../lib/store/store.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** `models`: all of them with their versions and aliases. */
export async function models(options: JsonOption): Promise<number> {
  const { store } = openContext()
  const documents = []
  for (const name of await listModels(store)) {
    const state = await passOver(readModel(store, name))
    if (state === undefined) continue
    const versions = await Promise.all(
      state.versions.map(async (digest, i) => ({
        version: i + 1,
        digest,
        aliases: aliasesOf(state, i + 1),
        ...(await passOver(readVersion(store, name, digest))),
      })),
    )
    documents.push({ name, champion: state.champions.at(-1) ?? null, candidate: state.candidate, versions })
  }
  if (options.json === true) printJson(documents)
  else if (documents.length === 0) print('no models yet: npx slipway run <pipeline> --wait')
  else
    print(
      table(
        ['model', 'version', 'alias', 'digest', 'metrics', 'run'],
        documents.flatMap(({ name, versions }) =>
          versions.map(({ version, digest, aliases, metrics, run }) => [
            name,
            String(version),
            aliases.join(' '),
            shortDigest(digest),
            metricsInWords(metrics ?? {}),
            run ?? '',
          ]),
        ),
      ),
    )
  return 0
}

function aliasesOf(state: { champions: number[]; candidate: number | null }, version: number): string[] {
  return [
    ...(state.champions.at(-1) === version ? ['champion'] : []),
    ...(state.candidate === version && state.champions.at(-1) !== version ? ['candidate'] : []),
  ]
}

export interface Version {
  readonly name: string
  readonly version: number
  readonly digest: string
}

/** `flights`, `flights@3` or `flights@champion`. A bare name is its champion, or its last version. */
export async function findVersion(store: Store, text: string): Promise<Version | undefined> {
  const [name = '', which] = text.split('@')
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) return undefined
  const state = await readModel(store, name)
  if (state === undefined) return undefined
  const version =
    which === undefined
      ? (state.champions.at(-1) ?? state.versions.length)
      : which === 'champion'
        ? (state.champions.at(-1) ?? 0)
        : which === 'candidate'
          ? (state.candidate ?? 0)
          : Number(which)
  const digest = state.versions[version - 1]
  if (digest !== undefined) return { name, version, digest }
  throw new SlipwayError('NOT_FOUND', `model ${name} has no version "${which}"; it has 1 to ${state.versions.length}`, {
    next: 'see `slipway models`',
  })
}
