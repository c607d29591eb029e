#!/usr/bin/env node
import { ensureBuilt } from '../scripts/build.mjs'

// Which Node versions work is said by package.json and `slipway doctor`, not by a library at every start.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

await ensureBuilt()
await import('../dist/cli.js')
