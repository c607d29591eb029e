import dagre from '@dagrejs/dagre'
import { useMemo } from 'preact/hooks'

export interface GraphNode {
  readonly id: string
  readonly title: string
  readonly note: string
  /** Its colour: a class of the style sheet. */
  readonly look: string
  /** Where a click leads; who uses no mouse has the links of the table beside it. */
  readonly href?: string | undefined
  /** Said when it is pointed at. */
  readonly hint?: string
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
}

interface Point {
  readonly x: number
  readonly y: number
}

const [width, height] = [212, 46]

/** A layered picture of what leads to what, from top to bottom. What it says stands in a table beside it too. */
export function Graph({
  label,
  nodes,
  edges,
}: {
  readonly label: string
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}) {
  // Where things are depends on what there is, not on how it stands.
  const shape = JSON.stringify([nodes.map(({ id }) => id), edges])
  const layout = useMemo(() => layoutOf(nodes, edges), [shape])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="graph scroll" aria-label={label} tabIndex={0}>
      <svg
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="img"
        aria-label={`${label}: ${nodes.map(({ title, note }) => `${title}, ${note}`).join('; ')}`}
      >
        {layout.paths.map((path: string) => (
          <path key={path} class="edge" d={path} />
        ))}
        {nodes.map((node) => (
          <Node key={node.id} node={node} at={layout.places.get(node.id)} />
        ))}
      </svg>
    </section>
  )
}

function Node({ node, at }: { readonly node: GraphNode; readonly at: Point | undefined }) {
  if (at === undefined) return null
  const { title, note, look, href, hint } = node
  return (
    <g class={`node ${look}`} transform={`translate(${at.x - width / 2} ${at.y - height / 2})`} data-href={href}>
      <title>{hint ?? `${title}: ${note}`}</title>
      <rect width={width} height={height} rx="6" />
      <rect class="side" width="4" height={height} rx="2" />
      <text x="14" y="19" class="title">
        {cut(title, 30)}
      </text>
      <text x="14" y="36" class="more">
        {cut(note, 28)}
      </text>
    </g>
  )
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`)

function layoutOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]) {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 22, marginx: 4, marginy: 4 })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(nodes.map(({ id }) => id))
  for (const { id } of nodes) graph.setNode(id, { width, height })
  const drawn = direct(edges.filter(({ from, to }) => known.has(from) && known.has(to)))
  for (const { from, to } of drawn) graph.setEdge(from, to)
  dagre.layout(graph)
  const { width: wide = 0, height: high = 0 } = graph.graph()
  const paths = graph.edges().map((edge: { v: string; w: string }): string => curve(graph.edge(edge).points as Point[]))
  const places = new Map(nodes.map(({ id }) => [id, graph.node(id) as Point]))
  return { width: Math.ceil(wide), height: Math.ceil(high), places, paths }
}

/** Edges without those that longer ways say as well: what needs the last of several needs the first. */
function direct(edges: readonly GraphEdge[]): readonly GraphEdge[] {
  const below = new Map<string, Set<string>>()
  for (const { from, to } of edges) below.set(from, (below.get(from) ?? new Set()).add(to))
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    [...(below.get(from) ?? [])].some((next) => {
      if (next === to) return true
      if (seen.has(next)) return false
      seen.add(next)
      return reaches(next, to, seen)
    })
  return edges.filter(
    ({ from, to }) => ![...(below.get(from) ?? [])].some((other) => other !== to && reaches(other, to)),
  )
}

/** Straight down where it can be, else bent in the middle. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  let path = `M${first.x.toFixed(1)} ${first.y.toFixed(1)}`
  let before = first
  for (const point of rest) {
    const middle = ((before.y + point.y) / 2).toFixed(1)
    path += `C${before.x.toFixed(1)} ${middle} ${point.x.toFixed(1)} ${middle} ${point.x.toFixed(1)} ${point.y.toFixed(1)}`
    before = point
  }
  return path
}
