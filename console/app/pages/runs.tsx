import type { PipelineState } from '../../../client/pipelines.ts'
import type { RunDocument } from '../../../client/run-document.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Section, Shown } from '../parts/page.tsx'
import { markOf, State } from '../parts/state.tsx'
import { Table } from '../parts/table.tsx'
import { number, When } from '../parts/words.tsx'

/** Runs that go on and those that ended, of all pipelines or of one. */
export function Runs({ of: { pipeline } }: { readonly of: Readonly<Record<string, string>> }) {
  const pipelines = useDocument<readonly PipelineState[]>('pipelines')
  const ended = useDocument<readonly RunDocument[]>(pipeline === undefined ? 'runs' : `pipelines/${pipeline}/runs`)
  const going = (pipelines.document ?? []).flatMap((each) =>
    pipeline === undefined || each.pipeline === pipeline ? (each.going ?? []) : [],
  )
  const own = pipelines.document?.find((each) => each.pipeline === pipeline)
  return (
    <>
      <Head
        title={pipeline ?? 'Runs'}
        above={pipeline === undefined ? undefined : <a href="/runs">Runs</a>}
        sentence={own?.sentences[0]}
        seen={[ended, pipelines]}
      />
      {going.length > 0 && (
        <Section title="Going on">
          <Table
            label="Runs that go on"
            columns={['run', 'does', { name: 'steps done', isNumber: true }, 'began']}
            rows={going.map(({ runId, progress, startedAt }) => ({
              key: runId,
              cells: [
                <a key="run" href={`/runs/${runId}`}>
                  {runId}
                </a>,
                <State key="does" mark={progress?.waitingFor == null ? 'busy' : 'asks'}>
                  {progress === null
                    ? 'waits for a worker'
                    : progress.waitingFor === null
                      ? progress.stage
                      : `waits for ${progress.waitingFor.role}`}
                </State>,
                progress === null ? '' : number(progress.done),
                <When key="began" at={startedAt} />,
              ],
            }))}
          />
        </Section>
      )}
      <Shown of={ended}>
        {(runs) =>
          runs.length === 0 ? (
            <Empty command={`npx slipway run ${pipeline ?? '<pipeline>'} --wait`}>No run has ended yet.</Empty>
          ) : (
            <Section title="Ended" aside="the newest first">
              <Table
                label="Runs that ended"
                columns={[
                  'run',
                  'outcome',
                  'model',
                  ...metricsOf(runs).map((name) => ({ name, isNumber: true })),
                  { name: 'reused', isNumber: true },
                  'ended',
                ]}
                rows={runs.map((run) => ({
                  key: run.runId,
                  cells: [
                    <a key="run" href={`/runs/${run.runId}`}>
                      {run.runId}
                    </a>,
                    <State key="outcome" mark={markOf(run.status)}>
                      {run.status}
                    </State>,
                    run.model === null ? (
                      ''
                    ) : (
                      <a key="model" href={`/models/${run.model.name}/${run.model.version}`}>
                        {run.model.name}@{run.model.version}
                      </a>
                    ),
                    ...metricsOf(runs).map((name) =>
                      run.metrics[name] === undefined ? '' : number(run.metrics[name]),
                    ),
                    `${run.steps.filter(({ cached }) => cached).length} of ${run.steps.length}`,
                    <When key="ended" at={run.finishedAt} />,
                  ],
                }))}
              />
            </Section>
          )
        }
      </Shown>
    </>
  )
}

/** The metrics that most is known of, few enough for a table. */
function metricsOf(runs: readonly RunDocument[]): string[] {
  return [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics)))].slice(0, 3)
}
