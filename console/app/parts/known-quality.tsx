import type { MonitorReport } from '../../../lib/formats/monitor-report.ts'
import { Section } from './page.tsx'
import { Table } from './table.tsx'
import { number } from './words.tsx'

/** What became known of the predictions of a check by their labels, beside what is estimated without any. */
export function KnownQuality({ quality, estimated }: Pick<MonitorReport, 'quality' | 'estimated'>) {
  const names = [...new Set([...Object.keys(quality?.metrics ?? {}), ...Object.keys(estimated)])]
  if (names.length === 0) return null
  const means =
    quality === null
      ? 'no labels yet'
      : `${number(quality.labels)} labels; predicted ${number(quality.prediction)} on average, observed ${number(quality.label)}`
  return (
    <Section title="Quality of the last check" aside={means}>
      <Table
        label="Quality"
        columns={[
          'metric',
          { name: 'known from labels', isNumber: true },
          '90 % interval',
          { name: 'estimated without labels', isNumber: true },
        ]}
        rows={names.map((name) => {
          const known = quality?.metrics[name]
          const guess = estimated[name]
          return {
            key: name,
            cells: [
              name,
              known === undefined ? '' : number(known.value),
              known === undefined ? '' : `${number(known.low)} to ${number(known.high)}`,
              guess === undefined ? '' : number(guess),
            ],
          }
        })}
      />
    </Section>
  )
}
