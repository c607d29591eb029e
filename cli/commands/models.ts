import { shortDigest } from '../../lib/formats/artifact.ts'
import { metricsInWords } from '../../lib/formats/check.ts'
import { passOver } from '../../lib/store/broken.ts'
import { listModels, readModel, readVersion } from '../../lib/store/registry.ts'
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
