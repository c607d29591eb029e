import { spawn } from 'node:child_process'
import { builtFile } from '../../lib/code/host.ts'
import { readSettings } from '../../workers/settings.ts'

/** Runs the console in the foreground, beside whatever store and Temporal there are. */
export async function console({ port, host }: { port?: string; host?: string }): Promise<number> {
  // Where nothing runs, that is said here and not by an empty page.
  const { root } = readSettings()
  const child = spawn(process.execPath, ['--enable-source-maps', builtFile('console')], {
    stdio: 'inherit',
    env: {
      ...process.env,
      SLIPWAY_ROOT: root,
      ...(port === undefined ? {} : { SLIPWAY_CONSOLE_PORT: port }),
      ...(host === undefined ? {} : { SLIPWAY_CONSOLE_HOST: host }),
    },
  })
  // Ctrl-C reaches it as well.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((done) => child.once('exit', (code) => done(code ?? 1)))
}
