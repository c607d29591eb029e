import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DefaultLogger, Runtime } from '@temporalio/worker'
import { readSettings } from '../../workers/settings.ts'
import { createWorker } from '../../workers/worker.ts'

/*
 * A real worker that kills itself (SIGKILL: no clean-up, no good-bye) once in every activity in the middle of its work, and
 * once more after the work took effect but before Temporal hears of it. KILL_FOLDER remembers where it died already.
 */
Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } })
const folder = process.env.KILL_FOLDER

function dieOnce(where: string): void {
  if (folder === undefined || existsSync(join(folder, where))) return
  writeFileSync(join(folder, where), '')
  process.kill(process.pid, 'SIGKILL')
}

const worker = await createWorker(readSettings(), {
  interceptors: {
    activity: [
      ({ info }) => ({
        inbound: {
          async execute(input, next) {
            const during = setTimeout(() => dieOnce(`${info.activityType}-during`), 60)
            const result = await next(input)
            clearTimeout(during)
            dieOnce(`${info.activityType}-after`)
            return result
          },
        },
      }),
    ],
  },
})
await worker.run()
