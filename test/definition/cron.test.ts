import { Cron } from 'croner'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CronCalendar, cronCalendars } from '../../lib/definition/cron.ts'

const hourMs = 3_600_000

const names = (calendar: CronCalendar, time: Date): boolean =>
  calendar.minute.includes(time.getUTCMinutes()) &&
  calendar.hour.includes(time.getUTCHours()) &&
  calendar.dayOfMonth.includes(time.getUTCDate()) &&
  calendar.month.includes(time.getUTCMonth() + 1) &&
  calendar.dayOfWeek.includes(time.getUTCDay())

/** Days on which a line fires at 02:00 UTC, from the first of January 2027 on. */
function days(line: string, count: number): string[] {
  const calendars = cronCalendars(line)
  const found: string[] = []
  for (let time = Date.UTC(2027, 0, 1, 2); found.length < count; time += 24 * hourMs) {
    const day = new Date(time)
    if (calendars.some((calendar) => names(calendar, day))) found.push(day.toISOString().slice(0, 10))
  }
  return found
}

function refused(line: string): string {
  try {
    cronCalendars(line)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('a line of cron', () => {
  it('with both day fields restricted means either: the 1st, and every Monday', () => {
    expect(days('0 2 1 * 1', 6)).toEqual([
      '2027-01-01',
      '2027-01-04',
      '2027-01-11',
      '2027-01-18',
      '2027-01-25',
      '2027-02-01',
    ])
  })

  it('with a star in one of them means both, as crontab(5) says', () => {
    expect(days('0 2 * * MON-FRI', 3)).toEqual(['2027-01-01', '2027-01-04', '2027-01-05'])
    expect(days('0 2 1 * *', 3)).toEqual(['2027-01-01', '2027-02-01', '2027-03-01'])
    // Every second day of the month that is a Friday.
    expect(days('0 2 */2 * 5', 3)).toEqual(['2027-01-01', '2027-01-15', '2027-01-29'])
  })

  it('takes 7 for Sunday, in ranges too, and names of months and days in any case', () => {
    expect(cronCalendars('0 2 * * 5-7')[0]?.dayOfWeek).toEqual([0, 5, 6])
    expect(cronCalendars('0 2 * * 7')).toEqual(cronCalendars('0 2 * * sun'))
    expect(cronCalendars('0 2 1 JAN,dec *')[0]?.month).toEqual([1, 12])
  })

  it('that never fires is refused', () => {
    expect(refused('0 2 30 2 *')).toContain('never fires')
    expect(refused('0 2 31 4,6,9,11 *')).toContain('never fires')
    // The 29th comes every four years; Mondays in February come every week.
    expect(refused('0 2 29 2 *')).toBe('')
    expect(refused('0 2 30 2 1')).toBe('')
  })

  it.each([
    ['0 2 * *', '4 fields'],
    ['0 0 2 * * *', '6 fields'],
    ['@daily', '1 fields'],
    ['60 2 * * *', 'minute "60"'],
    ['0 24 * * *', 'hour "24"'],
    ['0 2 0 * *', 'day of the month "0"'],
    ['0 2 * 13 *', 'month "13"'],
    ['0 2 * * 8', 'day of the week "8"'],
    ['0 2 L * *', 'day of the month "L"'],
    ['0 2 * * MON#1', 'no number'],
    ['0 2 * * FRI-MON', 'ends before it begins'],
    ['*/0 2 * * *', 'step of 0'],
    ['0 2,, * * *', 'no number'],
    ['0 2 * * ?', 'no number'],
  ])('%s is refused: %s', (line, why) => {
    expect(refused(line)).toContain(why)
  })

  it('fires when another implementation of crontab(5) says so', () => {
    // Croner takes `*/2` for a restriction of days, crontab(5) does not: such day fields are left out here.
    const part = (from: number, to: number, withSteps = true) => {
      const number = fc.integer({ min: from, max: to })
      const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)
      const step = fc.integer({ min: 1, max: to })
      const piece = fc.oneof(
        number.map(String),
        range,
        fc.tuple(range, step).map(([of, by]) => `${of}/${by}`),
      )
      return fc.oneof(
        fc.constant('*'),
        ...(withSteps ? [step.map((by) => `*/${by}`)] : []),
        fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(',')),
      )
    }
    const line = fc
      .tuple(part(0, 59), part(0, 23), part(1, 31, false), part(1, 12), part(0, 6, false))
      .map((texts) => texts.join(' '))
      .filter((text) => refused(text) === '')
    fc.assert(
      fc.property(line, fc.integer({ min: 0, max: 2_000 }), (text, day) => {
        const from = new Date(Date.UTC(2026, 0, 1) + day * 24 * hourMs)
        const theirs = new Cron(text, { timezone: 'UTC', paused: true }).nextRuns(3, from)
        const calendars = cronCalendars(text)
        for (const time of theirs) expect(calendars.some((calendar) => names(calendar, time))).toBe(true)
        // Nothing of ours lies before the first of theirs; a day of minutes are enough to look at.
        const until = Math.min(theirs[0]?.getTime() ?? Number.POSITIVE_INFINITY, from.getTime() + 24 * hourMs)
        for (let time = from.getTime() + 60_000; time < until; time += 60_000)
          expect(calendars.some((calendar) => names(calendar, new Date(time)))).toBe(false)
      }),
      { numRuns: 100 },
    )
  })
})
