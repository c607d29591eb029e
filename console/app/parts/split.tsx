import { percent } from './words.tsx'

/** What share of the requests each version answers, as one bar. */
export function Split({
  endpoint,
  champion,
  candidate,
  share,
  mode,
}: {
  readonly endpoint: string
  readonly champion: number
  readonly candidate: number | null
  readonly share: number
  readonly mode: 'shadow' | 'split' | 'bake'
}) {
  const words =
    candidate === null
      ? `${endpoint}: version ${champion} answers everything`
      : mode === 'shadow'
        ? `${endpoint}: version ${candidate} is asked about ${percent(share)} of the requests besides version ${champion}`
        : `${endpoint}: version ${candidate} answers ${percent(share)} of the requests, version ${champion} the rest`
  return (
    <svg class="split" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={words}>
      <title>{words}</title>
      <rect class="then" width="100" height="8" />
      {candidate !== null && (
        <rect
          class={mode === 'shadow' ? 'shadow' : 'now'}
          width={Math.max(share * 100, share > 0 ? 0.6 : 0)}
          height="8"
        />
      )}
    </svg>
  )
}
