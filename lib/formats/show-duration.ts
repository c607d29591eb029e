const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** A time as people say it, in the largest unit that leaves it whole: `1 d`, `15 min`, `90 s`, `0.5 s`. */
export function showDuration(ms: number): string {
  const [name, length] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ['s', 1_000]
  return `${ms / length} ${name}`
}
