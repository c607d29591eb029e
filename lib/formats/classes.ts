/*
 * Classes of a multiclass task are texts: those of a text column as they are, whole numbers by their digits.
 */

/** Classes that a model may tell apart: more are hardly classes, but ids. */
export const mostClasses = 256

const isWhole = (name: string): boolean => /^-?\d+$/.test(name)

/** Whole numbers ascending; texts, where one is no whole number, by their code units. */
export function sortedClasses(names: Iterable<string>): string[] {
  const all = [...names].sort()
  if (!all.every(isWhole)) return all
  return all.sort((a, b) => {
    const [left, right] = [BigInt(a), BigInt(b)]
    return left < right ? -1 : Number(left > right)
  })
}

/** Gives classes numbers: those that are known first, in their order, others as they come by. */
export interface ClassNumbers {
  /** In the order of their numbers. */
  readonly names: readonly string[]
  /** How many rows had each of them. */
  readonly rows: readonly number[]
  numbersOf(names: readonly string[]): Float64Array
}

export function classNumbers(known: readonly string[] = []): ClassNumbers {
  const names = [...known]
  const rows = names.map(() => 0)
  const numbers = new Map(names.map((name, number) => [name, number]))
  return {
    names,
    rows,
    numbersOf: (given) =>
      Float64Array.from(given, (name) => {
        let number = numbers.get(name)
        if (number === undefined) {
          number = names.push(name) - 1
          rows.push(0)
          numbers.set(name, number)
        }
        rows[number] = (rows[number] as number) + 1
        return number
      }),
  }
}
