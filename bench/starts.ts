import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { layOut } from '../scripts/pack.mjs'
import { bucketSettings, startTestStore } from '../test/support/servers.ts'
import { type Figure, interleaved } from './measure.ts'

/** Commands that scripts ask at every turn: their exit code, and the most they may take of an empty Node's time. */
const commands = [
  { line: '--version', code: 0, limit: 2.5 },
  { line: '--help', code: 0, limit: 2.5 },
  { line: 'status', code: 0, limit: 2.5 },
  { line: 'runn weather', code: 2, limit: 2.5 },
  { line: 'models', code: 0, limit: 4 },
  { line: 'runs', code: 0, limit: 4 },
] as const

/**
 * How long commands of the package take that do next to nothing, against a Node process that does nothing: what loading
 * costs. A checkout looks besides whether it is built.
 */
export async function measureStarts(): Promise<Figure[]> {
  const command = join(await layOut(), 'bin/slipway.mjs')
  const server = await startTestStore()
  const env = {
    ...process.env,
    ...(await bucketSettings(server)),
    // Named, and never asked: nothing of these commands is about Temporal.
    TEMPORAL_ADDRESS: '127.0.0.1:7233',
    SLIPWAY_ROOT: server.folder,
  }
  const start = (args: readonly string[], code: number): Promise<void> => {
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: server.folder, env, encoding: 'utf8' })
    if (status !== code) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
    return Promise.resolve()
  }
  try {
    const figures: Figure[] = []
    for (const { line, code, limit } of commands) {
      const { ours, theirs } = await interleaved(
        15,
        () => start([command, ...line.split(' ')], code),
        () => start(['-e', '0'], 0),
      )
      figures.push({
        what: `\`slipway ${line}\`, against starting an empty Node process`,
        ours: `${Math.round(ours * 1000)} ms`,
        theirs: `${Math.round(theirs * 1000)} ms`,
        ratio: ours / theirs,
        limit,
      })
    }
    return figures
  } finally {
    await server.stop()
  }
}
