import { likeliest, type Named, numbersIn } from '../lib/formats/answers.ts'
import type { Numbers } from '../lib/formats/columns.ts'
import { numberColumn } from '../lib/stats/answer-profile.ts'
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
 * champion, and one for any other; of several numbers the tenths that the mean of their places in the baseline lies in.
 */
export function scoreBins(champion: Named & { readonly baseline: Profile }, { outputs }: Named): ScoreBins {
  const numbers = numbersIn(champion)
  if (numbers !== undefined) return binsOfNumbers(champion.baseline, numbers)
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

/** Bins of the mean place of several numbers. */
const placeBins = 10

function binsOfNumbers(baseline: Profile, numbers: readonly string[]): ScoreBins {
  const edges = numbers.map((name) => {
    const scores = baseline[numberColumn(name)]
    return scores?.kind === 'numeric' ? scores.edges : []
  })
  return {
    count: placeBins,
    of(predictions) {
      let sum = 0
      edges.forEach((own, i) => {
        sum += (binOf(own, predictions[i] as number) + 0.5) / (own.length + 1)
      })
      return Math.min(placeBins - 1, Math.floor((sum / edges.length) * placeBins))
    },
  }
}
