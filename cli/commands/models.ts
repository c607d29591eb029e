import { readModels } from '../../client/models.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { metricsInWords } from '../../lib/formats/check.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/** `models`: all of them with their versions and aliases. */
export async function models(options: JsonOption): Promise<number> {
  const documents = await readModels(openContext())
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
