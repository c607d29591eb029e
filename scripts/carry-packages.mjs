// What must change in packages so that they run as parts of our own files: places where they look for files beside
// themselves. A text that is not found as it was is an error, so that a new version is looked at.
import { readFileSync } from 'node:fs'

/** Files of packages, and what is put in the place of what. */
const edits = [
  {
    file: /@temporalio[\\/]worker[\\/]lib[\\/]workflow[\\/]threaded-vm\.js$/,
    from: "require.resolve('./workflow-worker-thread')",
    to: "require('slipway:host').builtFile('workflow-thread')",
  },
  {
    file: /@temporalio[\\/]core-bridge[\\/]common\.js$/,
    from: "path.resolve(__dirname, 'releases', getPrebuiltTargetName(), 'index.node')",
    to: "require('slipway:native').nativeFile('@temporalio/core-bridge')",
  },
  {
    file: /onnxruntime-node[\\/]dist[\\/]binding\.js$/,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: so it stands there
    from: 'require(`../bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`)',
    to: "require('slipway:native').requireNative('onnxruntime-node')",
  },
  {
    file: /node_modules[\\/]source-map[\\/]lib[\\/]read-wasm\.js$/,
    from: 'path.join(__dirname, "mappings.wasm")',
    to: "require('node:path').join(require('slipway:host').packageRoot, 'dist', 'mappings.wasm')",
  },
  // Interceptors of tests, which nobody here asks for.
  {
    file: /@temporalio[\\/]testing[\\/]lib[\\/]index\.js$/,
    from: "[node_path_1.default.join(__dirname, 'assert-to-failure-interceptor')]",
    to: '[]',
  },
]

/** Workflows are bundled here, when Slipway is built: who runs it needs neither webpack nor a compiler for that. */
const bundler = /@temporalio[\\/]worker[\\/]lib[\\/]workflow[\\/]bundler\.js$/
const noBundler = `
exports.defaultWorkflowInterceptorModules = []
exports.bundleWorkflowCode = exports.WorkflowCodeBundler = function () {
  throw new Error('workflows are bundled when Slipway is built')
}`

/** Of zod's words in some sixty languages, a third of it all, those that it speaks unasked. */
const languages = /zod[\\/]v4[\\/]locales[\\/]index\.js$/
const english = "export { default as en } from './en.js'"

/** The text of a package's file as it is bundled. @throws Error where the text to replace is not there once */
export function carried(path, text) {
  if (bundler.test(path)) return noBundler
  if (languages.test(path)) return english
  let edited = text
  for (const { from, to } of edits.filter(({ file }) => file.test(path))) {
    const [before, after, ...more] = edited.split(from)
    if (after === undefined || more.length > 0) throw new Error(`${path} is no longer as it was: look for ${from}`)
    edited = `${before}${to}${after}`
  }
  return edited
}

/** Packages inside our own files. @param root of the sources */
export const carryPackages = (root) => ({
  name: 'carry-packages',
  setup(builder) {
    builder.onResolve({ filter: /^slipway:(host|native)$/ }, ({ path }) => ({
      path: `${root}/lib/code/${path.slice('slipway:'.length)}.ts`,
    }))
    // Of who runs it: what it is called there is known when it is loaded.
    builder.onResolve({ filter: /^danfojs-node$/ }, () => ({ path: 'danfojs-node', namespace: 'of-the-host' }))
    builder.onLoad({ filter: /.*/, namespace: 'of-the-host' }, ({ path }) => ({
      contents: `module.exports = require('slipway:host').requireHost('${path}')`,
      resolveDir: root,
    }))
    for (const filter of [bundler, languages, ...edits.map(({ file }) => file)])
      builder.onLoad({ filter }, ({ path }) => ({ contents: carried(path, readFileSync(path, 'utf8')), loader: 'js' }))
  },
})
