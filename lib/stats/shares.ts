const inPercent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`

/**
 * Parts of a split by chance whose share of the rows is far from the one asked for: by more than a fifth of it, and by
 * more than four standard deviations of a draw of single rows. So little data is no reason to warn; rows that move in
 * large groups are.
 * @param rows by part
 * @param asked shares of validation and test; the rest trains
 * @returns in words; undefined where all is as asked
 */
export function missedShares<Part extends string>(
  rows: Readonly<Record<Part, number>>,
  asked: Readonly<Record<Part, number>>,
): string | undefined {
  const parts = Object.keys(asked) as Part[]
  const all = parts.reduce((sum, part) => sum + rows[part], 0)
  const missed = parts.filter((part) => {
    const share = asked[part]
    const deviation = Math.sqrt((share * (1 - share)) / all)
    return Math.abs(rows[part] / all - share) > Math.max(share / 5, 4 * deviation)
  })
  if (missed.length === 0) return undefined
  return missed
    .map((part) => `${part} has ${inPercent(rows[part] / all)} of the rows, asked for ${inPercent(asked[part])}`)
    .join(', ')
}
