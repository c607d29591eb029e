#!/usr/bin/env node
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Which Node versions work is said by package.json and `slipway doctor`, not by a library at every start.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

// As workers/fixed-zone.ts does for all others.
process.env.TZ = 'UTC'
process.env.LC_ALL = 'C.UTF-8'

// Node 22 and later keep what they have compiled: a fifth of what a command takes that reads the store. Not in the
// folder for temporary files, which is Node's default and everybody's.
nodeModule.enableCompileCache?.(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'slipway', 'compiled'))

// A package comes built; a checkout brings itself up to date.
const builder = new URL('../scripts/build.mjs', import.meta.url)
if (existsSync(builder)) await (await import(builder.href)).ensureBuilt()
await import('../dist/cli.js')
