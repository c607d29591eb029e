import type { Place } from '../../place.ts'
import { useDocument } from '../live.ts'

/** A link to a workflow in Temporal's web UI; its id where nobody knows where that is. */
export function TemporalLink({ workflow }: { readonly workflow: string }) {
  const { document: place } = useDocument<Place>('place')
  if (place === undefined) return null
  if (place.temporalUi === null) return <span class="soft">workflow {workflow}</span>
  return <a href={`${place.temporalUi}/workflows/${encodeURIComponent(workflow)}`}>Workflow in Temporal ↗</a>
}
