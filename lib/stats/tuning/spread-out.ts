/** So many designs are drawn, of which the one whose points lie furthest apart is taken. */
const designs = 50

/**
 * Points of [0, 1) in some dimensions that are spread out: a Latin hypercube, in each dimension one point in each of so
 * many equal parts (McKay, Beckman & Conover 1979), of several the one with the largest least distance (maximin, Morris
 * & Mitchell 1995).
 * @param uniform gives numbers of [0, 1)
 */
export function spreadOut(dimensions: number, points: number, uniform: () => number): number[][] {
  let best: { readonly design: number[][]; readonly distance: number } | undefined
  for (let i = 0; i < designs; i++) {
    const columns = Array.from({ length: dimensions }, () =>
      shuffled(points, uniform).map((part) => (part + uniform()) / points),
    )
    const design = Array.from({ length: points }, (_, point) => columns.map((column) => column[point] as number))
    const distance = leastDistance(design)
    if (best === undefined || distance > best.distance) best = { design, distance }
  }
  return (best as { design: number[][] }).design
}

/** 0, 1, … in random order (Fisher & Yates). */
function shuffled(length: number, uniform: () => number): number[] {
  const order = Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1))
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  return order
}

function leastDistance(points: readonly (readonly number[])[]): number {
  let least = Number.POSITIVE_INFINITY
  for (const [i, a] of points.entries())
    for (const b of points.slice(0, i))
      least = Math.min(
        least,
        a.reduce((sum, x, d) => sum + (x - (b[d] as number)) ** 2, 0),
      )
  return least
}
