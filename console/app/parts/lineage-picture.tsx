import type { ModelLineage } from '../../../client/lineage.ts'
import { Graph, type GraphEdge, type GraphNode } from './graph.tsx'
import { Table } from './table.tsx'
import { number, short } from './words.tsx'

/** What a model was made from, above it, and what became of it, below: as a picture, and in words. */
export function LineagePicture(lineage: ModelLineage) {
  const { model, run, snapshot, commit, tree, madeBy, endpoints, rollouts, batches } = lineage
  const { nodes, edges } = pictureOf(lineage)
  return (
    <div class="lineage">
      <Graph label={`Lineage of ${model.name} version ${model.version}`} nodes={nodes} edges={edges} />
      <Table
        label="Lineage in words"
        columns={['what', 'which']}
        rows={[
          {
            key: 'run',
            cells: [
              'made by run',
              run === null ? (
                'not on record'
              ) : (
                <a key="run" href={`/runs/${run}`}>
                  {run}
                </a>
              ),
            ],
          },
          {
            key: 'commit',
            cells: ['from commit', `${commit ?? 'unknown'}${tree === 'dirty' ? ' and what was not committed' : ''}`],
          },
          {
            key: 'snapshot',
            cells: [
              'from snapshot',
              snapshot === null ? 'not on record' : <code key="snapshot">{short(snapshot)}</code>,
            ],
          },
          { key: 'steps', cells: ['by steps', madeBy.map(({ step }) => step).join(', ')] },
          ...endpoints.map(({ endpoint, now, served }) => ({
            key: `endpoint-${endpoint}`,
            cells: [
              'endpoint',
              <span key="endpoint">
                <a href={`/endpoints/${endpoint}`}>{endpoint}</a>: {now === null ? 'not any more' : `${now} now`};{' '}
                {served
                  .map(({ role, from, to }) => `${role} in revision ${from === to ? from : `${from} to ${to}`}`)
                  .join(', ')}
              </span>,
            ],
          })),
          ...rollouts.map(({ id, role, outcome, reason }) => ({
            key: id,
            cells: ['rollout', `${id} as ${role}: ${outcome === null ? 'going on' : `${outcome}, ${reason}`}`],
          })),
          ...batches.map(({ batch, generation, rows, inForce }) => ({
            key: `${batch}-${generation}`,
            cells: [
              'batch',
              <span key="batch">
                <a href={`/batches/${batch}`}>{batch}</a>: {number(rows)} rows{inForce ? '' : ' (superseded)'}
              </span>,
            ],
          })),
        ]}
      />
    </div>
  )
}

function pictureOf({ model, madeBy, usedBy, endpoints, batches, commit }: ModelLineage): {
  nodes: GraphNode[]
  edges: GraphEdge[]
} {
  // A check makes what it read: a digest may have several makers.
  const makers = (digest: string): string[] =>
    madeBy.flatMap(({ stepKey, outputs }) => (outputs.some((output) => output.digest === digest) ? [stepKey] : []))
  const nodes: GraphNode[] = madeBy.map(({ stepKey, step, run }) => ({
    id: stepKey,
    title: step,
    note: `by ${run}`,
    look: 'reused',
    href: `/runs/${run}`,
  }))
  const edges: GraphEdge[] = madeBy.flatMap(({ stepKey, inputs }) =>
    Object.values(inputs).flatMap((digest) =>
      makers(digest).flatMap((from) => (from === stepKey ? [] : [{ from, to: stepKey }])),
    ),
  )
  for (const from of makers(model.digest)) edges.push({ from, to: 'model' })
  nodes.push({
    id: 'model',
    title: `${model.name} version ${model.version}`,
    note: commit === null ? short(model.digest) : `commit ${commit.slice(0, 12)}`,
    look: 'running',
  })
  const below = (id: string, title: string, note: string, href?: string): void => {
    nodes.push({ id, title, note, look: 'done', href })
    edges.push({ from: 'model', to: id })
  }
  for (const { endpoint, now } of endpoints)
    below(
      `endpoint ${endpoint}`,
      `endpoint ${endpoint}`,
      now === null ? 'not any more' : `${now} now`,
      `/endpoints/${endpoint}`,
    )
  for (const { batch, rows, inForce } of batches.slice(-4))
    below(`batch ${batch}`, batch, `${number(rows)} rows${inForce ? '' : ', superseded'}`, `/batches/${batch}`)
  for (const { stepKey, step, run } of usedBy.slice(0, 6)) below(`used ${stepKey}`, step, `by ${run}`, `/runs/${run}`)
  return { nodes, edges }
}
