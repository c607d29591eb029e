import { join } from 'node:path'
import { build } from 'esbuild'
import { packageRoot } from '../../lib/code/host.ts'

/** Builds the worker that dies where it is told to (`faulty-worker.ts`). @returns its file, called after the test that starts it */
export async function buildFaultyWorker(name: string): Promise<string> {
  const outfile = join(packageRoot, 'dist', 'test', `${name}.js`)
  await build({
    entryPoints: [join(packageRoot, 'test/support/faulty-worker.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  })
  return outfile
}
