import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'

/** What `scripts/build.mjs` makes besides the entry points. */
export const converterFile = join(packageRoot, 'dist', 'payload-converter.cjs')
export const workflowBundle = join(packageRoot, 'dist', 'workflows.js')
