import { pathsOverlap } from '../../router.ts'
import { builtIn } from '../index.ts'
import type { Protocol, Route } from '../protocol.ts'
import { azureMl } from './azure-ml.ts'
import { vertex } from './vertex.ts'

/** What every server answers by itself, with the status of the server. */
const ownHealth = '/health'

/**
 * The protocols of a container: those of a gateway, Azure ML's and Vertex AI's, whose paths its platform names. Where
 * they are also those of another protocol, they are Vertex AI's: it asks this container, and nobody else does.
 */
export function containerProtocols(
  routes: { readonly predict?: string | undefined; readonly health?: string | undefined } = {},
): readonly Protocol[] {
  const { predict = '/predict', health = ownHealth } = routes
  const spoken = vertex({ predict, health: health === ownHealth ? undefined : health })
  return [...builtIn, azureMl].map((protocol) => withoutPaths(protocol, predict, health)).concat(spoken)
}

function withoutPaths(protocol: Protocol, predict: string, health: string): Protocol {
  const { routes, lookups } = protocol
  const kept = routes.filter(({ path }) => !pathsOverlap(path, predict))
  const isKept = ({ method, path }: Route): boolean =>
    !(method === 'GET' && pathsOverlap(path, health)) && !(method === 'POST' && pathsOverlap(path, predict))
  return {
    ...protocol,
    routes: kept,
    // What it describes stands below the paths that it still has.
    openApi: (...described) => {
      const { [predict]: _, ...rest } = protocol.openApi(...described)
      return rest
    },
    ...(lookups && { lookups: (served) => lookups(served).filter(isKept) }),
  }
}
