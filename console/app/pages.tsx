import type { FunctionComponent } from 'preact'
import { Batch } from './pages/batch.tsx'
import { Batches } from './pages/batches.tsx'
import { Endpoint } from './pages/endpoint.tsx'
import { Endpoints } from './pages/endpoints.tsx'
import { Model } from './pages/model.tsx'
import { Models } from './pages/models.tsx'
import { Monitor } from './pages/monitor.tsx'
import { Monitors } from './pages/monitors.tsx'
import { Overview } from './pages/overview.tsx'
import { Run } from './pages/run.tsx'
import { Runs } from './pages/runs.tsx'
import { Schedules } from './pages/schedules.tsx'
import { Waiting } from './pages/waiting.tsx'

/** A page and where it is. */
export interface PageEntry {
  readonly name: string
  /** `/runs/:run`: parts with a colon are what the page is about. */
  readonly path: string
  /** The second of two keys that lead there, `g r`; pages without one are about one thing and not in the menu. */
  readonly key?: string
  /** The page of the menu that it belongs to. */
  readonly under?: string
  readonly page: FunctionComponent<{ readonly of: Readonly<Record<string, string>> }>
}

export const pages: readonly PageEntry[] = [
  { name: 'Pipelines', path: '/', key: 'p', page: Overview },
  { name: 'Pipeline', path: '/pipelines/:pipeline', under: 'Pipelines', page: Runs },
  { name: 'Runs', path: '/runs', key: 'r', page: Runs },
  { name: 'Run', path: '/runs/:run', under: 'Runs', page: Run },
  { name: 'Models', path: '/models', key: 'm', page: Models },
  { name: 'Model', path: '/models/:model/:version', under: 'Models', page: Model },
  { name: 'Endpoints', path: '/endpoints', key: 'e', page: Endpoints },
  { name: 'Endpoint', path: '/endpoints/:endpoint', under: 'Endpoints', page: Endpoint },
  { name: 'Monitors', path: '/monitors', key: 'o', page: Monitors },
  { name: 'Monitor', path: '/monitors/:endpoint', under: 'Monitors', page: Monitor },
  { name: 'Batches', path: '/batches', key: 'b', page: Batches },
  { name: 'Batch', path: '/batches/:owner/:name/:slot', under: 'Batches', page: Batch },
  { name: 'Schedules', path: '/schedules', key: 's', page: Schedules },
  { name: 'Waiting', path: '/waiting', key: 'w', page: Waiting },
]

/** The page of a path, and what it is about. */
export function findPage(
  path: string,
): { readonly entry: PageEntry; readonly parts: Record<string, string> } | undefined {
  const given = path.split('/')
  for (const entry of pages) {
    const pattern = entry.path.split('/')
    if (pattern.length !== given.length) continue
    const parts: Record<string, string> = {}
    const fits = pattern.every((expected, i) => {
      const text = given[i] ?? ''
      if (!expected.startsWith(':')) return expected === text
      parts[expected.slice(1)] = decodeURIComponent(text)
      return text !== ''
    })
    if (fits) return { entry, parts }
  }
  return undefined
}
