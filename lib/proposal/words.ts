/*
 * What names and cells of real tables say: names that people give to identifiers and targets, words that stand for
 * nothing, and names that JavaScript takes.
 */

/** Texts of cells that mean that there is no value, lower-case. */
const missingWords = new Set([
  '',
  ...'na n/a #n/a nan nil null none - -- --- ? . .. missing unknown undefined k.a. (null) <na>'.split(' '),
])
export const isMissingWord = (text: string): boolean => missingWords.has(text.trim().toLowerCase())

/** A name in lower-case words: `customerId`, `Customer ID` and `customer-id` are `customer id`. */
const wordsOf = (name: string): string[] =>
  name
    .replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')

const idWords = new Set('id ids uuid guid key nr rownum rowid index unnamed'.split(' '))
/** Whether a column is called as identifiers are: `id`, `customer_id`, `Kunden-Nr`, pandas' `Unnamed: 0`. */
export function isNameOfId(name: string): boolean {
  const words = wordsOf(name)
  return idWords.has(words.at(-1) ?? '') || words[0] === 'unnamed' || words.at(-2) === 'id'
}

/** Dates that say who somebody is, and not when a row happened. */
const birth = /birth|born|\bdob\b|geburt|naissance/i
export const isNameOfBirth = (name: string): boolean => birth.test(name)

/** Names of what is to be predicted, the likeliest first. */
const targetNames =
  'target label y class outcome response churn churned exited attrition default defaulted survived converted fraud is_fraud spam diagnosis species late rained price saleprice sale_price rent amount_due duration sales demand'
    .split(' ')
    .map((name) => wordsOf(name).join(' '))

/** How early a name stands among those of targets; Infinity where it does not. */
export function rankAsTarget(name: string): number {
  const words = wordsOf(name)
  const whole = targetNames.indexOf(words.join(' '))
  if (whole >= 0) return whole
  const last = targetNames.indexOf(words.at(-1) ?? '')
  return last < 3 || last < 0 ? Number.POSITIVE_INFINITY : targetNames.length + last
}

/** Names of classes: whole numbers of such a column are names, and no amounts. */
export const isNameOfClass = (name: string): boolean =>
  /^(target|label|y|class|species|type|kind|category|cluster|segment|diagnosis|klasse|typ)$/.test(
    wordsOf(name).at(-1) ?? '',
  )

/** Words of JavaScript and TypeScript that name no variable, and names that generated files give to something else. */
const taken = new Set(
  `arguments as async await break case catch class const continue debugger default delete do else enum eval export
  extends false finally for from function get if implements import in instanceof interface let new null of package
  private protected public return set static super switch this throw true try type typeof undefined var void while with
  yield NaN Infinity Object Array Date Number String Boolean Float64Array Float32Array Uint8Array Columns features
  target Row`.split(/\s+/),
)

const plainLetters: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', ß: 'ss', æ: 'ae', ø: 'oe', å: 'aa' }

/** A text in ASCII letters and digits: umlauts as Germans write them, accents left out, all else a blank. */
export function plain(text: string): string {
  return text
    .replaceAll(/[äöüßæøå]/gi, (letter) => {
      const written = plainLetters[letter.toLowerCase()] as string
      return letter === letter.toLowerCase() ? written : written[0]?.toUpperCase() + written.slice(1)
    })
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9]+/g, ' ')
    .trim()
}

/**
 * A variable for every name, each its own: the name itself where that can be one, `groesse_in_m2` for `Größe in m²`.
 */
export function identifiers(names: readonly string[]): string[] {
  const used = new Set<string>(taken)
  for (const name of names) if (/^__/.test(name)) used.add(name)
  const isOwn = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_]*$/.test(name) && !taken.has(name)
  for (const name of names) if (isOwn(name)) used.add(name)
  return names.map((name) => {
    if (isOwn(name)) return name
    const words = plain(name).replaceAll(' ', '_')
    const wanted = /^[A-Za-z]/.test(words) ? words.slice(0, 60) : `column_${words.slice(0, 50)}`.replace(/_$/, '')
    const cased = /[a-z]/.test(wanted)
      ? wanted.replace(/^[A-Z]+/, (start) => start.toLowerCase())
      : wanted.toLowerCase()
    let free = taken.has(cased) ? `${cased}_` : cased
    for (let i = 2; used.has(free); i++) free = `${cased}_${i}`
    used.add(free)
    return free
  })
}

/** A name as pipelines, models and steps have them: lower-case letters, digits and dashes; undefined where none is. */
export function slug(text: string): string | undefined {
  const words = plain(text).toLowerCase().replaceAll(' ', '-').slice(0, 40).replace(/-+$/, '')
  return words === '' ? undefined : words
}

/** A key of an object as JavaScript writes it. */
export const keyOf = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name))

/** A text in single quotes. */
export const literal = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'").replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`

/** A text in a comment: one line, and no end of it. */
export const inComment = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('*/', '* /')
