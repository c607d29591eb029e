#!/usr/bin/env node
import { existsSync } from 'node:fs'

// Which Node versions work is said by package.json and `slipway doctor`, not by a library at every start.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

// A package comes built; a checkout brings itself up to date.
const builder = new URL('../scripts/build.mjs', import.meta.url)
if (existsSync(builder)) await (await import(builder.href)).ensureBuilt()
await import('../dist/cli.js')
