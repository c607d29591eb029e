import { likeliest, type Named } from '../lib/formats/answers.ts'
import type { Numbers } from '../lib/formats/columns.ts'
import type { Profile } from '../lib/stats/profile.ts'
import { binOf } from '../lib/stats/profile-counter.ts'

/** Where scores are counted, so that those of champion and candidate can be compared. */
export interface ScoreBins {
  readonly count: number
  /** The bin of the first row of an answer. */
  of(predictions: Numbers): number
}

/**
 * The champion's bins, for the answers of a version: those of its baseline; of several classes the classes of the
 * champion, and one for any other.
 */
export function scoreBins(champion: Named & { readonly baseline: Profile }, { outputs }: Named): ScoreBins {
  if (champion.outputs === undefined) {
    const scores = champion.baseline['score:']
    const edges = scores?.kind === 'numeric' ? scores.edges : []
    return { count: edges.length + 1, of: (predictions) => binOf(edges, predictions[0] as number) }
  }
  const { outputs: known } = champion
  const own = outputs ?? known
  const places = own.map((name) => (known.includes(name) ? known.indexOf(name) : known.length))
  return { count: known.length + 1, of: (predictions) => places[likeliest(predictions, 0, own.length)] as number }
}
