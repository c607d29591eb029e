import type { ModelLineage } from '../../../client/lineage.ts'
import type { ModelVersionsDocument } from '../../../client/models.ts'
import type { ModelReport } from '../../../lib/reports/model-report.ts'
import { useDocument } from '../live.ts'
import { Bars } from '../parts/bars.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Gates } from '../parts/gates.tsx'
import { LineagePicture } from '../parts/lineage-picture.tsx'
import { Head, Section, Shown } from '../parts/page.tsx'
import { QualityCharts } from '../parts/quality-charts.tsx'
import { Table } from '../parts/table.tsx'
import { Versions } from '../parts/versions.tsx'
import { number, short, When } from '../parts/words.tsx'

type Opened = { readonly report: ModelReport }

/** A version of a model: how good it is, what it rests on, what it was made from and what became of it. */
export function Model({ of: { model = '', version = '' } }: { readonly of: Readonly<Record<string, string>> }) {
  const report = useDocument<Opened>(`models/${model}/${version}/report`)
  const lineage = useDocument<ModelLineage>(`models/${model}/${version}/lineage`)
  const models = useDocument<readonly ModelVersionsDocument[]>('models')
  const all = models.document?.find(({ name }) => name === model)
  const said = report.document?.report
  return (
    <>
      <Head
        title={`${model} version ${version}`}
        above={<a href="/models">Models</a>}
        seen={[report, lineage, models]}
        sentence={said && verdictOf(said)}
      >
        {said !== undefined && (
          <p class="soft">
            {[...said.aliases, `${said.task} model of ${said.target}`].join(', ')} · <code>{short(said.digest)}</code>
          </p>
        )}
      </Head>
      <Shown of={report}>{({ report: document }) => <Report {...document} />}</Shown>
      <Section title="Where it comes from, and what became of it">
        <Shown of={lineage}>{(document) => <LineagePicture {...document} />}</Shown>
      </Section>
      {all !== undefined && (
        <Section title="Versions">
          <Versions {...all} now={Number(version)} />
        </Section>
      )}
    </>
  )
}

function verdictOf({ gates, judged, against }: ModelReport): string {
  const failed = gates.filter(({ passed }) => !passed)
  const passed =
    failed.length > 0
      ? `Failed: ${failed.map(({ name }) => name).join(', ')}.`
      : (['No gate judged it.', 'Its gate passed.', 'Both gates passed.'][gates.length] ??
        `All ${gates.length} gates passed.`)
  const [first] = Object.entries(judged?.quality.metrics ?? {})
  if (judged === null || first === undefined) return passed
  const [name, { value }] = first
  const other = against?.quality.metrics[name]
  const beside = other === undefined ? '' : `; ${against?.version} reaches ${number(other.value)}`
  return `${passed} ${name} ${number(value)} on ${number(judged.quality.rows)} test rows${beside}.`
}

function Report({ judged, against, gates, made, training, learner, data, code }: ModelReport) {
  return (
    <>
      {judged !== null && (
        <Section title="How good it is" aside={`${number(judged.quality.rows)} test rows`}>
          <Table
            label="Metrics"
            columns={[
              'metric',
              { name: 'value', isNumber: true },
              '90 % interval',
              ...(against === null ? [] : [{ name: against.version, isNumber: true }]),
            ]}
            rows={Object.entries(judged.quality.metrics).map(([name, own]) => ({
              key: name,
              cells: [
                name,
                number(own.value),
                own.low === undefined || own.high === undefined ? '' : `${number(own.low)} to ${number(own.high)}`,
                ...(against === null
                  ? []
                  : [against.quality.metrics[name] === undefined ? '' : number(against.quality.metrics[name].value)]),
              ],
            }))}
          />
          <QualityCharts quality={judged.quality} against={against?.quality} other={against?.version} />
        </Section>
      )}
      <Gates of={gates} />
      {judged !== null && judged.importance.length > 0 && (
        <Section title="What it rests on" aside="what is lost when a feature is shuffled">
          <Bars
            label="Importance"
            rows={judged.importance.slice(0, 15).map(({ feature, loss, spread }) => ({
              name: feature,
              value: loss,
              words: `${Number(loss.toPrecision(3))} ± ${Number(spread.toPrecision(1))}`,
            }))}
          />
        </Section>
      )}
      <Section title="What it was made of">
        <Facts>
          {made !== null && (
            <Fact name="run">
              <a href={`/runs/${made.run}`}>{made.run}</a>
            </Fact>
          )}
          {made !== null && (
            <Fact name="registered">
              <When at={made.at} />
            </Fact>
          )}
          <Fact name="learner">{learner}</Fact>
          <Fact name="training rows">{number(training.rows.train)}</Fact>
          <Fact name="validation rows">{number(training.rows.validation)}</Fact>
          <Fact name="snapshot">
            <code>{short(data.snapshot)}</code>, {number(data.rows)} rows
          </Fact>
          {made?.origin.commit !== undefined && (
            <Fact name="commit">
              <code>{made.origin.commit.slice(0, 12)}</code>{' '}
              {made.origin.tree === 'dirty' && 'and what was not committed'}
            </Fact>
          )}
          {code.map(({ what, name, digest }) => (
            <Fact key={what} name={what}>
              {name} <code>{short(digest)}</code>
            </Fact>
          ))}
        </Facts>
      </Section>
    </>
  )
}
