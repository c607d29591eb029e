/** The most that a row of a ranking may be worth: trees take 2 to its power, as LightGBM's do. */
export const mostRelevance = 30

/** Whether that is what a row of a ranking may be worth: a whole number from 0. */
export const isRelevance = (label: number): boolean => Number.isInteger(label) && label >= 0 && label <= mostRelevance

/** Gives groups of rows numbers, as they come by. */
export interface GroupNumbers {
  /** In the order of their numbers. */
  readonly names: readonly (string | number)[]
  numbersOf(names: readonly (string | number)[]): Uint32Array
}

export function groupNumbers(): GroupNumbers {
  const names: (string | number)[] = []
  const numbers = new Map<string | number, number>()
  return {
    names,
    numbersOf: (given) =>
      Uint32Array.from(given, (name) => {
        let number = numbers.get(name)
        if (number === undefined) {
          number = names.push(name) - 1
          numbers.set(name, number)
        }
        return number
      }),
  }
}
