import { join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'
import type { ImageCommand } from './world.ts'

/** What the fake has when nobody names images: Node, our serving container, and one that fails half its requests. */
export const usualImages = (): Readonly<Record<string, ImageCommand>> => ({
  'node:20': {},
  'slipway:1': {
    serve: [process.execPath, join(packageRoot, 'dist/serve.js')],
    env: { SLIPWAY_GATEWAY_HOST: '127.0.0.1', SLIPWAY_DRAIN_MS: '0' },
  },
  'failing:1': {
    serve: [process.execPath, join(packageRoot, 'test/support/stand-in-model.mjs')],
    env: { STAND_IN: JSON.stringify({ failing: 0.5 }) },
  },
})
