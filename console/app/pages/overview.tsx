import type { PipelineState } from '../../../client/pipelines.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Shown } from '../parts/page.tsx'
import { Split } from '../parts/split.tsx'
import { type Mark, State } from '../parts/state.tsx'
import { number, When } from '../parts/words.tsx'

/** All pipelines, each with its state in a sentence. */
export function Overview() {
  const seen = useDocument<readonly PipelineState[]>('pipelines')
  return (
    <>
      <Head title="Pipelines" seen={[seen]} sentence={seen.document && inOneSentence(seen.document)} />
      <Shown of={seen}>
        {(all) =>
          all.length === 0 ? (
            <Empty command="npx slipway run weather --wait">
              Nothing has run here yet. A run makes the first pipeline:
            </Empty>
          ) : (
            <div class="pipelines">
              {all.map((each) => (
                <Pipeline key={each.pipeline} {...each} />
              ))}
            </div>
          )
        }
      </Shown>
    </>
  )
}

const toneInWords: Readonly<Record<PipelineState['tone'], string>> = {
  well: 'well',
  busy: 'busy',
  asks: 'asks for somebody',
  broken: 'broken',
}

function inOneSentence(all: readonly PipelineState[]): string {
  const count = (tone: PipelineState['tone']): number => all.filter((each) => each.tone === tone).length
  const broken = count('broken')
  const asks = count('asks')
  if (broken > 0) return `${broken} of ${all.length} ${broken === 1 ? 'is' : 'are'} broken.`
  if (asks > 0) return `${asks} of ${all.length} ${asks === 1 ? 'asks' : 'ask'} for somebody; nothing is broken.`
  return all.length === 0 ? '' : 'Nothing calls for anybody.'
}

function Pipeline({ pipeline, sentences, tone, endpoints, models, last, going }: PipelineState) {
  const [first, ...others] = sentences
  return (
    <article class={`card pipeline ${tone}`}>
      <h2>
        <a href={`/pipelines/${pipeline}`}>{pipeline}</a> <State mark={tone as Mark}>{toneInWords[tone]}</State>
      </h2>
      <p class="sentence">{first}</p>
      {others.map((sentence) => (
        <p key={sentence} class="soft">
          {sentence}
        </p>
      ))}
      {endpoints.map(({ endpoint, version, rollout }) =>
        rollout === null ? null : (
          <Split
            key={endpoint}
            endpoint={endpoint}
            champion={version}
            candidate={rollout.candidate}
            share={rollout.share}
            mode={rollout.mode}
          />
        ),
      )}
      <ul class="facts">
        {(going ?? []).map(({ runId, progress }) => (
          <li key={runId}>
            {progress === null ? 'a run waits: ' : `a run at ${progress.stage}: `}
            <a href={`/runs/${runId}`}>{runId}</a>
          </li>
        ))}
        {endpoints.map(({ endpoint }) => (
          <li key={endpoint}>
            endpoint <a href={`/endpoints/${endpoint}`}>{endpoint}</a>
          </li>
        ))}
        {models.map(({ name, versions, champion }) => (
          <li key={name}>
            model <a href={`/models/${name}/${champion ?? versions}`}>{name}</a>, {number(versions)}{' '}
            {versions === 1 ? 'version' : 'versions'}
          </li>
        ))}
        {last !== null && (
          <li>
            <a href={`/runs/${last.runId}`}>last run</a> <When at={last.finishedAt} />
          </li>
        )}
      </ul>
    </article>
  )
}
