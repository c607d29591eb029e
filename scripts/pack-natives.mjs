// Makes Slipway's packages of binaries, one a system, from the pinned packages that have them all. Their tarballs are
// got by npm, and refused unless they are those of package-lock.json. The bytes of the files are left as they are.
//
//   node scripts/pack-natives.mjs FOLDER [SYSTEM…]      all systems, or those named: linux-x64
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nativeManifest } from './users-manifest.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'))
const npm = (args, cwd) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

/** The files of a package as npm has them. @returns its folder, and the digest of its tarball */
function fetchPackage(name, version, folder) {
  const { integrity } = read('package-lock.json').packages[`node_modules/${name}`]
  const tarball = npm(['pack', '--silent', '--prefer-offline', `${name}@${version}`], folder).trim()
  const digest = createHash('sha512')
    .update(readFileSync(join(folder, tarball)))
    .digest('base64')
  if (integrity !== `sha512-${digest}`)
    throw new Error(`${name} ${version} is sha512-${digest}, and package-lock.json names ${integrity}`)
  execFileSync('tar', ['-xzf', tarball], { cwd: folder })
  return { folder: join(folder, 'package'), integrity }
}

/** Packs the binaries of these systems. @returns the paths of the tarballs */
export function packNatives(target, systems) {
  mkdirSync(target, { recursive: true })
  return Object.entries(read('lib/code/native-packages.json')).flatMap(([of, native]) => {
    const scratch = mkdtempSync(join(tmpdir(), 'slipway-natives-'))
    try {
      const source = fetchPackage(of, native.version, scratch)
      const wanted = Object.keys(native.folders).filter((system) => systems === undefined || systems.includes(system))
      return wanted.map((system) => packOne({ of, native, system, source, scratch, target }))
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  })
}

function packOne({ of, native, system, source, scratch, target }) {
  const stage = join(scratch, system)
  const files = join(source.folder, native.folders[system])
  cpSync(files, stage, { recursive: true })
  for (const name of readdirSync(stage).filter((each) => native.twice.includes(each))) dropCopy(stage, name)
  const manifest = nativeManifest(of, native, system, source.integrity)
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(stage, 'LICENSE'), licence(native.copyright))
  writeFileSync(
    join(stage, 'README.md'),
    `The binary of ${of} ${native.version} for ${system}, its bytes unchanged, ` +
      'for Slipway, whose users need that of their system alone.\n',
  )
  return join(target, npm(['pack', stage, '--pack-destination', target, '--silent'], root).trim())
}

/** Leaves a file out that is there under another name too: packages know no links. */
function dropCopy(folder, name) {
  const bytes = readFileSync(join(folder, name))
  const others = readdirSync(folder).filter((other) => other !== name)
  if (!others.some((other) => readFileSync(join(folder, other)).equals(bytes)))
    throw new Error(`${name} is no longer a copy of another file: look what loads it`)
  rmSync(join(folder, name))
}

const licence = (copyright) => `MIT License

${copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [target, ...systems] = process.argv.slice(2)
  if (target === undefined) throw new Error('usage: node scripts/pack-natives.mjs FOLDER [SYSTEM…]')
  for (const file of packNatives(resolve(target), systems.length === 0 ? undefined : systems)) console.log(file)
}
