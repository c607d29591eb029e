/** Different texts (null for missing), and which of them each row of a column holds. */
export interface NumberedTexts {
  readonly values: readonly (string | null)[]
  readonly numbers: Int32Array
}

const made = new WeakMap<readonly (string | null)[], NumberedTexts>()

/** A column of text that knows its numbers. */
export function textColumn(texts: NumberedTexts): (string | null)[] {
  const { values, numbers } = texts
  const column = new Array<string | null>(numbers.length)
  for (let row = 0; row < numbers.length; row++) column[row] = values[numbers[row] as number] as string | null
  made.set(column, texts)
  return column
}

/**
 * What a column of text was made of, so that something about each different text is looked up once. The column may have
 * been changed since: the number of a row counts only where the row still holds that text.
 */
export function numberedTexts(column: readonly (string | null)[]): NumberedTexts | undefined {
  return made.get(column)
}
