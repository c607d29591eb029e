import type { Store } from '../store/store.ts'
import { dvcSource } from './dvc.ts'
import { feastSource } from './feast.ts'
import { httpSource } from './http.ts'
import { localSource } from './local.ts'
import type { Place } from './paths.ts'
import { postgresSource } from './postgres.ts'
import { s3Source } from './s3.ts'
import { type Source, type Sources, sourcesOf } from './source.ts'

/**
 * The sources that this process may read from.
 * @param place where paths lead; workers are confined to the folder they were given
 * @param others sources that a configuration adds
 * @throws SlipwayError DEFINITION_INVALID when two of them read one scheme
 */
export function openSources(store: Store, place: Place, others: readonly Source[] = []): Sources {
  const s3 = s3Source(store)
  const local = localSource(place)
  const feast = feastSource(place, local, s3)
  const own = [local, s3, httpSource(), dvcSource(place, s3), feast, postgresSource(store.cacheFolder)]
  return sourcesOf([...own, ...others])
}
