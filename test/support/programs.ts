import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { packageRoot } from '../../lib/code/host.ts'
import type { ProgramPlace } from '../../lib/learners/learner.ts'

/** `linear-program.ts` as one file that Node runs. */
export async function linearProgram(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(packageRoot, 'test/support/linear-program.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    absWorkingDir: packageRoot,
  })
  return outputFiles[0]?.text ?? ''
}

/** A place for a program, with its files, as a step makes it. */
export interface TestPlace extends ProgramPlace {
  readonly folder: string
  readLog(): string
  remove(): void
}

export function placeFor(files: Readonly<Record<string, string>>, graceMs?: number): TestPlace {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-program-'))
  const root = join(folder, 'root')
  const log = join(folder, 'program.log')
  mkdirSync(join(root, 'code'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'code', name), text, { mode: 0o700 })
  return {
    folder,
    root,
    log,
    environments: join(folder, 'environments'),
    graceMs,
    readLog: () => readFileSync(log, 'utf8'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
