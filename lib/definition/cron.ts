import { SlipwayError } from '../formats/errors.ts'

/** The numbers a field of a line of cron allows, and names for some of them. */
interface Field {
  readonly name: string
  readonly from: number
  readonly to: number
  /** Words for the first numbers, in their order. */
  readonly words: readonly string[]
}

const fields: readonly [Field, Field, Field, Field, Field] = [
  { name: 'minute', from: 0, to: 59, words: [] },
  { name: 'hour', from: 0, to: 23, words: [] },
  { name: 'day of the month', from: 1, to: 31, words: [] },
  {
    name: 'month',
    from: 1,
    to: 12,
    words: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  // 7 is Sunday too.
  { name: 'day of the week', from: 0, to: 7, words: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] },
]

/**
 * Times: those whose minute, hour, day of the month, month (1 to 12) and day of the week (0 is Sunday) are all listed.
 */
export interface CronCalendar {
  readonly minute: readonly number[]
  readonly hour: readonly number[]
  readonly dayOfMonth: readonly number[]
  readonly month: readonly number[]
  readonly dayOfWeek: readonly number[]
}

/** February may have 29. */
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const every = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/**
 * When a line of cron fires, as crontab(5) means it: at every time that one of these calendars names. Where the day of
 * the month and the day of the week are both restricted (neither holds a `*`) that is a day that either of them names,
 * so there are two.
 * @param line five fields, with names of months and days, ranges, steps and lists
 * @throws SlipwayError DEFINITION_INVALID for anything else, and for a line that never fires
 */
export function cronCalendars(line: string): CronCalendar[] {
  const refuse = (why: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `cron "${line}": ${why}`, { next })
  }
  const texts = line.trim().split(/\s+/)
  if (texts.length !== fields.length)
    refuse(
      `it has ${texts.length} fields, not five`,
      "minute, hour, day of the month, month, day of the week: '0 2 * * *'",
    )
  const [minute, hour, dayOfMonth, month, weekdays] = fields.map((field, i) => {
    const numbers = numbersOf(texts[i] as string, field)
    return typeof numbers === 'string'
      ? refuse(`${field.name} "${texts[i]}": ${numbers}`, `${field.from} to ${field.to}, *, ranges, lists, steps`)
      : numbers
  }) as [number[], number[], number[], number[], number[]]
  const dayOfWeek = [...new Set(weekdays.map((day) => day % 7))].sort((a, b) => a - b)
  const times = { minute, hour, month }
  const [days, weekday] = [texts[2] as string, texts[4] as string]
  if (!days.includes('*') && !weekday.includes('*')) {
    return [
      { ...times, dayOfMonth, dayOfWeek: every(0, 6) },
      { ...times, dayOfMonth: every(1, 31), dayOfWeek },
    ]
  }
  if (!month.some((of) => dayOfMonth.some((day) => day <= (daysOfMonth[of - 1] as number))))
    refuse('no such day exists, so it never fires', 'correct the day or the month')
  return [{ ...times, dayOfMonth, dayOfWeek }]
}

/** The numbers a field names, sorted; or what is wrong with it. */
function numbersOf(text: string, { from, to, words }: Field): number[] | string {
  const number = (given: string): number | undefined => {
    const word = words.indexOf(given.toUpperCase())
    if (word >= 0) return from + word
    const value = /^\d{1,2}$/.test(given) ? Number(given) : Number.NaN
    return value >= from && value <= to ? value : undefined
  }
  const found = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d{1,2}))?$/.exec(part)
    if (match === null) return `"${part}" is no number, range or step`
    const [, star, first = '', last, steps] = match
    const step = steps === undefined ? 1 : Number(steps)
    if (step === 0) return 'a step of 0 goes nowhere'
    const start = star === undefined ? number(first) : from
    // `5/15` means from 5 on; cron's own manual allows steps after ranges and `*` only, its programs this as well.
    const end = star !== undefined || (last === undefined && steps !== undefined) ? to : number(last ?? first)
    if (start === undefined || end === undefined) return `"${part}" is not within ${from} to ${to}`
    if (end < start) return `"${part}" ends before it begins`
    for (let value = start; value <= end; value += step) found.add(value)
  }
  return [...found].sort((a, b) => a - b)
}
