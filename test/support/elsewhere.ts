import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { packageRoot } from '../../lib/code/host.ts'
import { listObjects } from '../../lib/store/documents.ts'
import type { CliResult } from './cli.ts'
import type { Place } from './place.ts'
import { newProject } from './project.ts'

/** Runs a command of a place in an empty project, in another time zone and language, and on one core. */
export async function elsewhere({ env: given }: Place, ...args: string[]): Promise<CliResult> {
  const project = newProject()
  const { root } = project
  const command = [process.execPath, join(packageRoot, 'bin/slipway.mjs'), ...args]
  const env = { ...process.env, ...given, SLIPWAY_ROOT: root, TZ: 'Pacific/Auckland', LC_ALL: 'tr_TR.UTF-8' }
  try {
    const options = { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] }
    const child = spawn('taskset', ['--cpu-list', '0', ...command], options)
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr }
  } finally {
    project.remove()
  }
}

/** Removes all records of steps, and the copies on this machine. */
export async function forgetSteps({ store: { store }, project }: Place): Promise<void> {
  for (const { Key } of await listObjects(store, 'steps/'))
    await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key }))
  rmSync(join(project.root, '.slipway', 'cache'), { recursive: true, force: true })
}
