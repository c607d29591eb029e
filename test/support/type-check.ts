import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'
import type { TestProject } from './project.ts'

/** Type-checks the pipelines of a project as strictly as Slipway itself is checked; throws where something is wrong. */
export function typeCheck(project: TestProject): void {
  const { compilerOptions } = JSON.parse(readFileSync(join(packageRoot, 'tsconfig.json'), 'utf8'))
  project.write('package.json', JSON.stringify({ type: 'module' }))
  project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['pipelines'] }))
  execFileSync(process.execPath, [join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', project.root], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
}
