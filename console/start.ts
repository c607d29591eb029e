import { readSettings } from '../workers/settings.ts'
import { errorOf } from './live.ts'
import { type Console, startConsole } from './server.ts'
import { consoleToken } from './token.ts'

export interface StartOptions {
  readonly root: string
  readonly host: string
  readonly port: number
  /** Where people open it, where a proxy stands in front. */
  readonly address?: string | undefined
}

/**
 * Starts the console of a project. What reads the store and Temporal is loaded when somebody looks: until then it is a
 * small server.
 */
export function openConsole({ root, ...options }: StartOptions): Promise<Console> {
  let everyMs: (path: string) => number | undefined = () => undefined
  let loading: ReturnType<typeof load> | undefined
  const load = async () => {
    const [{ documentReader }, { actor }, { findDocument }, { contextOf }] = await Promise.all([
      import('./reader.ts'),
      import('./actions.ts'),
      import('./documents.ts'),
      import('../client/context.ts'),
    ])
    everyMs = (path) => findDocument(path)?.everyMs
    const context = contextOf(readSettings(root), { say: () => {}, patient: false })
    return { read: documentReader(context), act: actor(context) }
  }
  const loaded = (): ReturnType<typeof load> => {
    loading ??= load().catch((error) => {
      loading = undefined
      throw error
    })
    return loading
  }
  return startConsole({
    ...options,
    token: consoleToken(root),
    everyMs: (path) => everyMs(path) ?? 1_500,
    read: async (path) => {
      try {
        return await (await loaded()).read(path)
      } catch (error) {
        // The project has no platform at the moment, or its settings cannot be read.
        return { path, command: '', error: errorOf(error) }
      }
    },
    act: async (path, asked) => {
      try {
        return await (await loaded()).act(path, asked)
      } catch (error) {
        return { status: 503, body: { error: errorOf(error) } }
      }
    },
  })
}
