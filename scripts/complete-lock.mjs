// Adds to package-lock.json the builds for other systems that npm left out because its registry did not offer them when
// the lock was written: without them `npm ci` refuses the lock. Run after changing dependencies: npm run complete-lock
import { readFileSync, writeFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const { packages } = lock

/** Whether Node would find that version of a package from a folder of the lock. */
function isThere(folder, name, version) {
  for (let place = folder; ; place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))) {
    const found = packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`]
    if (found) return found.version === version
    if (place === '') return false
  }
}

const systems = ['android', 'darwin', 'linux', 'win32', 'freebsd', 'openharmony']
const processors = ['arm64', 'x64', 'ia32', 'ppc64', 's390x', 'riscv64', 'arm']
let added = 0
/** One pass; what it puts beside one package may take the place of what another one found there, so it is repeated. */
function addMissing() {
  const before = added
  for (const [folder, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const os = systems.find((system) => name.includes(`-${system}`))
      const cpu = processors.find((processor) => name.includes(`-${processor}`))
      if (isThere(folder, name, version) || os === undefined || cpu === undefined || !/^\d/.test(version)) continue
      // Beside the package that asks for it: `node_modules/knip/node_modules/x` or `node_modules/x`.
      const beside = folder.slice(0, folder.lastIndexOf('node_modules/'))
      const entry = { version, cpu: [cpu], ...(dev ? { dev } : {}), optional: true, os: [os] }
      packages[`${beside}node_modules/${name}`] = entry
      added++
    }
  }
  return added > before
}
while (addMissing());
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log(`added ${added} packages for other systems`)
