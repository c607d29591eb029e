#!/usr/bin/env bash
# Node 20.20.2, no more in 22.21.1: after Object.freeze(Object.prototype) every loop that stores numbers into a typed array, or texts into
# a new array, takes up to 18 times as long, in that realm and for good. Object.preventExtensions and the same locks set property by
# property, for which Object.isFrozen says true as well, cost next to nothing. (With Math, an ordinary object, it is the other way round.)
# What follows for us: the realm of user code locks prototypes property by property and freezes the rest (lib/code/realm/inside.ts).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > trial.cjs <<'JS'
const { compileFunction, constants, createContext, runInContext } = require('node:vm')
const ways = {
  plain: '',
  frozen: 'Object.freeze(Object.prototype)',
  locked: `Object.preventExtensions(Object.prototype)
    for (const key of Reflect.ownKeys(Object.prototype)) {
      const property = Object.getOwnPropertyDescriptor(Object.prototype, key)
      const lock = 'value' in property ? { writable: false, configurable: false } : { configurable: false }
      if (property.configurable) Object.defineProperty(Object.prototype, key, lock)
    }`,
}
const loop = `return (values) => {
  const made = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) made[i] = Math.abs(values[i]) + 1
  return made
}`
const trials = Object.entries(ways).map(([name, code]) => {
  const context = createContext(constants.DONT_CONTEXTIFY)
  runInContext(code, context)
  const values = runInContext('Float64Array.from({ length: 20000 }, (_, i) => i)', context)
  return { name, values, run: compileFunction(loop, [], { parsingContext: context })(), isFrozen: runInContext('Object.isFrozen(Object.prototype)', context), times: [] }
})
for (let round = 0; round < 25; round++)
  for (const { run, values, times } of trials) {
    const since = process.cpuUsage().user
    for (let i = 0; i < 60; i++) run(values)
    if (round > 4) times.push(process.cpuUsage().user - since)
  }
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1]
const [plain, frozen, locked] = trials.map(({ times }) => median(times))
console.log(`node ${process.version}: frozen takes ${(frozen / plain).toFixed(1)} times as long, locked by property ${(locked / plain).toFixed(1)}; both count as frozen: ${trials[1].isFrozen && trials[2].isFrozen}`)
const asSeen = process.argv[2] === 'slow' ? frozen / plain > 2 : frozen / plain < 1.6
process.exit(asSeen && locked / plain < 1.6 && trials[1].isFrozen && trials[2].isFrozen ? 0 : 1)
JS
for trial in 20.20.2:slow 22.21.1:quick; do
  version=${trial%:*}
  npm install --silent --no-audit --no-fund --prefix "$version" "node@$version" >/dev/null
  "$version/node_modules/node/bin/node" trial.cjs "${trial#*:}"
done
