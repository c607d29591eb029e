import { shortDigest } from '../../lib/formats/artifact.ts'
import { metricsInWords } from '../../lib/formats/check.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { passOver } from '../../lib/store/broken.ts'
import { getBundle } from '../../lib/store/objects.ts'
import { type Refusal, readRefusal } from '../../lib/store/refusals.ts'
import { listModels, readModel, readVersion } from '../../lib/store/registry.ts'
import type { Store } from '../../lib/store/store.ts'
import { openContext } from '../context.ts'
import { aliasesOf } from '../model-version.ts'
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
        ...((await isDeterministic(store, digest)) ? {} : { deterministic: false }),
        ...(await passOver(readVersion(store, name, digest))),
        ...refusedBy(await passOver(readRefusal(store, { model: name, digest }))),
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
          versions.map(({ version, digest, aliases, deterministic, metrics, run, refused }) => [
            name,
            String(version),
            [
              ...aliases,
              ...(deterministic === false ? ['not deterministic'] : []),
              ...(refused === undefined ? [] : ['rejected']),
            ].join(', '),
            shortDigest(digest),
            metricsInWords(metrics ?? {}),
            run ?? '',
          ]),
        ),
      ),
    )
  return 0
}

const refusedBy = (refusal: Refusal | undefined): { refused?: Pick<Refusal, 'by' | 'at'> } =>
  refusal === undefined ? {} : { refused: { by: refusal.by, at: refusal.at } }

/** Whether the learner of a version makes the same bytes of the same order; of a broken package nobody knows. */
async function isDeterministic(store: Store, digest: string): Promise<boolean> {
  const bundle = await getBundle(store, digest, 'model').catch((error: unknown) => {
    if (error instanceof SlipwayError && !error.retryable) return undefined
    throw error
  })
  return (bundle?.facts.learner as { deterministic?: boolean } | undefined)?.deterministic !== false
}
