import { SlipwayError } from '../lib/formats/errors.ts'
import { runCommandLine } from './command-line.ts'

// A reader that has seen enough is no fault of ours: `slipway runs | head -1`.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

/** What ends the command from outside. A command that listens to signals itself ends by itself. */
const ended = new Promise<never>((_, end) => {
  process.on('SIGINT', () => {
    if (process.listenerCount('SIGINT') > 1) return
    end(
      new SlipwayError('INTERRUPTED', 'interrupted; what was started on the platform goes on', {
        next: 'the same command again',
      }),
    )
  })
  process.on('SIGTERM', () => {
    if (process.listenerCount('SIGTERM') === 1) process.emit('SIGINT')
  })
  process.on('uncaughtException', end)
})

const code = await runCommandLine(process.argv.slice(2), ended)
// A pipe holds 64 kB; the rest waits for its reader, and whoever is tired of that may interrupt.
process.once('SIGINT', () => process.exit(130))
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((taken) => stream.write('', taken))))
// Connections to servers would keep the process alive.
process.exit(code)
