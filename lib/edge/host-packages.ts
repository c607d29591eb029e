import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildFailure, build, type Plugin } from 'esbuild'
import { dataframePackage, hostPackages, packageFolder, packageRoot } from '../code/host.ts'
import { SlipwayError } from '../formats/errors.ts'

/** The file of `slipway-dataframe` that runs without Node: this very text, made when it was packed. */
export const browserFile = 'browser.js'

/**
 * A package that feature code takes from its host, as one CommonJS text that runs without Node: the very version that
 * the model was packaged with.
 * @throws SlipwayError HOST_MISMATCH
 */
export async function hostText(name: string): Promise<Uint8Array> {
  if (!(hostPackages as readonly string[]).includes(name))
    throw new SlipwayError('HOST_MISMATCH', `the model's code takes ${name} from its host, which cannot go along`)
  const dataframe = name === 'danfojs-node' ? packageFolder(dataframePackage) : undefined
  if (dataframe !== undefined) return readFile(join(dataframe, browserFile))
  const result = await build({
    stdin: { contents: `module.exports = require('${name}')`, resolveDir: packageRoot },
    bundle: true,
    minify: true,
    write: false,
    format: 'cjs',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    plugins: [withoutNode],
  }).catch((failure: BuildFailure) => {
    throw new SlipwayError('HOST_MISMATCH', `${name} cannot be made to run in a browser: ${failure.errors[0]?.text}`)
  })
  return (result.outputFiles[0] as { contents: Uint8Array }).contents
}

/** What danfojs reads files, draws and asks servers with; columns are made of none of it. */
const unused = /^(plotly\.js-dist-min|request|xlsx|node-fetch|papaparse|stream-json(\/.*)?)$/
/** Numbers are made on the processor, as in Node: other back ends round otherwise. */
const otherBackEnds = /tfjs-backend-(webgl|webgpu|wasm)$/
const builtin =
  /^(node:)?(assert|buffer|child_process|crypto|dns|events|fs|http|https|module|net|os|path|perf_hooks|querystring|stream|string_decoder|timers|tls|tty|url|util|vm|worker_threads|zlib)$/

/** Leaves out what needs Node and is not used, so that it is not there instead of not loading. */
const withoutNode: Plugin = {
  name: 'without-node',
  setup(builder) {
    for (const filter of [builtin, unused, otherBackEnds])
      builder.onResolve({ filter }, ({ path }) => ({ path, namespace: 'without-node' }))
    builder.onLoad({ filter: /.*/, namespace: 'without-node' }, ({ path }) => ({
      contents: path.endsWith('util')
        ? 'module.exports = { TextEncoder, TextDecoder, types: {} }'
        : 'module.exports = {}',
    }))
  },
}
