import type { ClassesShape } from '../../../lib/stats/model-quality.ts'
import { Section } from './page.tsx'
import { Table } from './table.tsx'
import { number, percent } from './words.tsx'

/** Classes that are readable beside each other. */
const classesBeside = 12

/** Rows of every class by what was answered; nothing where there are too many classes to read. */
export function Confusion({ classes, confusion }: ClassesShape) {
  if (classes.length > classesBeside) return null
  return (
    <Section title="Answers" aside="a line a class that rows had, a column a class that was answered">
      <Table
        label="Answers by class"
        columns={['class', ...classes.map((name) => ({ name, isNumber: true }))]}
        rows={classes.map((name, own) => {
          const counts = confusion[own] ?? []
          const all = Math.max(
            1,
            counts.reduce((sum, count) => sum + count, 0),
          )
          return {
            key: name,
            cells: [
              name,
              ...counts.map((count, answered) => (
                <span key={answered} class={answered === own ? 'good' : ''}>
                  {number(count)} <span class="soft">{percent(count / all)}</span>
                </span>
              )),
            ],
          }
        })}
      />
    </Section>
  )
}

/** How each class does. */
export function ClassTable({ classes, scores }: ClassesShape) {
  return (
    <Section
      title="By class"
      aside="precision: what share of its answers was right; recall: what share of its rows was found"
    >
      <Table
        label="Scores by class"
        columns={['class', ...['rows', 'precision', 'recall', 'F1'].map((name) => ({ name, isNumber: true }))]}
        rows={classes.map((name, i) => {
          const score = scores[i]
          const values =
            score === undefined ? [] : [score.rows, score.precision, score.recall, score.f1].map((each) => number(each))
          return { key: name, cells: [name, ...values] }
        })}
      />
    </Section>
  )
}
