/**
 * An e-value on its way to the limit that decides, logarithmic: from 1/100 at the left to the limit, which has a mark.
 * @param limit null where nobody said
 */
export function Meter({
  value,
  limit,
  label,
  isBad = false,
}: {
  readonly value: number
  readonly limit: number | null
  readonly label: string
  readonly isBad?: boolean
}) {
  const shown = value < 1e6 ? String(Number(value.toPrecision(3))) : value.toExponential(1)
  if (limit === null) return <>{shown}</>
  const low = Math.log(0.01)
  const share = (Math.log(Math.max(value, 1e-9)) - low) / (Math.log(limit) - low)
  const isOver = value >= limit
  return (
    <span class="meter">
      <svg
        viewBox="0 0 100 8"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label} ${shown}, decided at ${limit}`}
      >
        <rect class="track" width="100" height="8" />
        <rect
          class={isOver ? (isBad ? 'over bad' : 'over') : 'fill'}
          width={Math.max(0, Math.min(1, share)) * 92}
          height="8"
        />
        <rect class="mark" x="92" width="1.4" height="8" />
      </svg>
      <span>
        {shown} <span class="soft">of {Number(limit.toPrecision(4))}</span>
      </span>
    </span>
  )
}
