// Packages that user code takes from its host, each as one CommonJS text that runs without Node: in the realm of user
// code, in images of models and in browsers.
import { build } from 'esbuild'

/** What danfojs reads files, draws and asks servers with; columns are made of none of it. */
const unused = /^(plotly\.js-dist-min|request|xlsx|node-fetch|papaparse|stream-json(\/.*)?)$/
/** Numbers are made on the processor, as in Node: other back ends round otherwise. */
const otherBackEnds = /tfjs-backend-(webgl|webgpu|wasm)$/
const builtin =
  /^(node:)?(assert|buffer|child_process|crypto|dns|events|fs|http|https|module|net|os|path|perf_hooks|querystring|stream|string_decoder|timers|tls|tty|url|util|vm|worker_threads|zlib)$/

/** Leaves out what needs Node and is not used, so that it is not there instead of not loading. */
const withoutNode = {
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

/**
 * The text of a package.
 * @param {string} name of a package that is installed
 * @param {string} root folder it is looked for from
 * @returns {Promise<Uint8Array>}
 */
export async function hostText(name, root) {
  const { outputFiles } = await build({
    stdin: { contents: `module.exports = require('${name}')`, resolveDir: root },
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
  })
  return outputFiles[0].contents
}
