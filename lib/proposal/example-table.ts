/** Where the example is written. */
export const exampleFile = 'data/flats.csv'

const districts = ['Altstadt', 'Hafen', 'Nordend', 'Westend', 'Gartenstadt']
const perSquareMetre = [17, 15, 13, 16, 11]

/**
 * A made-up table of flats to let, for who has no table at hand: rents that follow area, district and age, with what
 * cannot be known about them. The same text every time.
 */
export function exampleTable(rows = 1_500): string {
  let state = 20_260_101
  /** 0 to 1, by a linear congruence (Numerical Recipes, 2nd edition, section 7.1). */
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const lines = ['id,listed,district,area_m2,rooms,floor,built,balcony,rent']
  for (let i = 0; i < rows; i++) {
    const listed = new Date(Date.UTC(2025, 0, 1) + Math.floor((i * 540) / rows) * 86_400_000)
    const district = Math.floor(next() * districts.length)
    const area = 25 + Math.floor(next() * next() * 120)
    const rooms = Math.max(1, Math.round(area / 28 + next() - 0.5))
    const floor = Math.floor(next() * 6)
    const built = 1900 + Math.floor(next() * 125)
    const hasBalcony = next() < 0.4
    const noise = (next() + next() + next() - 1.5) * 90
    const rent =
      area * (perSquareMetre[district] as number) * (built > 1990 ? 1.15 : 1) +
      floor * 12 +
      (hasBalcony ? 60 : 0) +
      noise
    // Of old houses nobody knows it now and then.
    const year = built < 1950 && next() < 0.2 ? '' : built
    lines.push(
      `${i + 1},${listed.toISOString().slice(0, 10)},${districts[district]},${area},${rooms},${floor},${year},${hasBalcony ? 'yes' : 'no'},${Math.round(rent)}`,
    )
  }
  return `${lines.join('\n')}\n`
}
