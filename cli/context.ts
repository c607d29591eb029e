import { AsyncResource } from 'node:async_hooks'
import { type ClientContext, contextOf, type StoreContext } from '../client/context.ts'
import { readSettings, type Settings } from '../workers/settings.ts'
import { sayAbove } from './progress.ts'

/**
 * What most commands work with. Temporal is connected to only when a command needs it: many work with it away. Servers
 * that are away for a moment are waited for, wherever a command is, and it says so.
 * @param patient false for those who want to know what is away, and not to wait for it
 */
export function openContext(patient = true): ClientContext {
  return saying(readSettings(), patient)
}

/** The same for commands that need the store alone: that Temporal is somewhere nobody has to say. */
export function openStoreContext(): StoreContext {
  return saying(readSettings(undefined, undefined, { temporal: false }))
}

/** Said from callbacks of connections, and meant for whoever runs this command. */
const saying = (settings: Settings, patient = true): ClientContext =>
  contextOf(settings, { patient, say: AsyncResource.bind(sayAbove) })
