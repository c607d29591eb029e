/** A text for people, cut where nobody reads on: what travels through Temporal must not grow with a table's columns. */
export function brief(text: string, most = 2_000): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

/** The first of many names: `a, b, c and 1,997 more`. */
export function firstOf(words: readonly string[], { most = 8, by = ', ' } = {}): string {
  const more = words.length - most
  return more <= 0 ? words.join(by) : `${words.slice(0, most).join(by)} and ${more.toLocaleString('en-US')} more`
}
