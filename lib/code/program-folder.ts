import { chmod, copyFile, mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { type ArtifactRef, type Bundle, type Digest, mediaTypes } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOf, digestOfFile } from '../store/digest.ts'
import { getBundle, localFile, putBundle, putFile } from '../store/objects.ts'
import { requireSigned, type Signer, sign, type TrustedKeys } from '../store/signing.ts'
import type { Store } from '../store/store.ts'

/** Left out wherever they lie: what tools make of the files, environments, and where secrets usually are. */
const leftOut =
  /^(\.git|\.venv|venv|node_modules|__pycache__|\.ipynb_checkpoints|\.(mypy|ruff|pytest)_cache|\.DS_Store|\.env(\..*)?|.*\.py[cod])$/
/** A folder of more is hardly meant. */
const mostFiles = 5_000
const mostBytes = 500e6

/** The folder of a program: what is in it, by digest. */
export interface ProgramFolder {
  readonly digest: Digest
  readonly bundle: Bundle
  /** Its name, for signatures. */
  readonly name: string
  /** Where it was read. */
  readonly path: string
}

/**
 * Reads a program's folder. Its digest names its files, what is in them, and which of them may be executed; not where
 * it lies, nor when it was written.
 * @param root the project's folder, which it must be in
 * @throws SlipwayError DEFINITION_INVALID
 */
export async function readProgramFolder(root: string, folder: string): Promise<ProgramFolder> {
  const top = await realpath(root)
  const path = await realpath(resolve(root, folder)).catch(() => undefined)
  const refuse = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `the program's folder ${folder} ${what}`, { next })
  }
  if (path === undefined || !(await stat(path)).isDirectory())
    return refuse('is not there', `folders are named from the project's, ${root}`)
  if (!path.startsWith(top + sep)) return refuse('does not lie in the project', 'move it there')
  const files: Record<string, ArtifactRef> = {}
  const executable: string[] = []
  let size = 0
  for (const name of await namesIn(path)) {
    const file = join(path, name)
    if (!(await realpath(file)).startsWith(path + sep))
      return refuse(`holds a link out of it, ${name}`, 'copy the file')
    files[name] = { ...(await digestOfFile(file)), mediaType: mediaTypes.binary }
    if (await isExecutable(file)) executable.push(name)
    size += files[name].size
    if (size > mostBytes || Object.keys(files).length > mostFiles)
      return refuse(
        `holds more than ${mostFiles} files or ${mostBytes / 1e6} MB`,
        'keep data out of it: rows come by the channels',
      )
  }
  if (Object.keys(files).length === 0) return refuse('is empty', 'put the program into it')
  const bundle: Bundle = { slipway: 'bundle/1', kind: 'program', files, facts: { executable } }
  return { digest: digestOf(canonicalJson(bundle)), bundle, name: relative(top, path), path }
}

/** Files of a folder and of those in it, sorted by their path, with `/` between folders. */
async function namesIn(path: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (leftOut.test(entry.name)) continue
    const isFolder = entry.isSymbolicLink()
      ? ((await stat(join(path, entry.name)).catch(() => undefined))?.isDirectory() ?? false)
      : entry.isDirectory()
    if (!isFolder) found.push(entry.name)
    // A link to a folder could lead round in a circle.
    else if (!entry.isSymbolicLink())
      found.push(...(await namesIn(join(path, entry.name))).map((name) => `${entry.name}/${name}`))
  }
  return found.sort()
}

const isExecutable = async (file: string): Promise<boolean> => ((await stat(file)).mode & 0o100) !== 0

/** What a program's environment is made from. */
export const lockFile = 'requirements.txt'

/**
 * Makes sure that the environment of a program is the same whenever it is made.
 * @throws SlipwayError DEFINITION_INVALID where there is no lock file, or one without digests
 */
export async function requireLock({ name, path, bundle }: ProgramFolder): Promise<void> {
  const refuse = (what: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `${name}/${lockFile} ${what}`, {
      next: `uv pip compile --generate-hashes requirements.in --output-file ${lockFile}`,
    })
  }
  if (bundle.files[lockFile] === undefined) return refuse('is not there')
  const text = await readFile(join(path, lockFile), 'utf8')
  const requirements = text
    .replaceAll(/\\\r?\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('-'))
  const loose = requirements.find((line) => !/--hash=sha256:[0-9a-f]{64}/.test(line))
  if (loose !== undefined) return refuse(`does not pin "${loose}" by --hash`)
  if (requirements.length === 0) return refuse('names nothing')
}

/**
 * Stores a program's folder, signed if there is a signer.
 * @throws SlipwayError DEFINITION_INVALID when it changed meanwhile
 */
export async function publishProgramFolder(
  store: Store,
  signer: Signer | undefined,
  { bundle, digest, name, path }: ProgramFolder,
): Promise<void> {
  for (const [file, { digest: planned, mediaType }] of Object.entries(bundle.files))
    if ((await putFile(store, join(path, file), mediaType)).digest !== planned)
      throw new SlipwayError('DEFINITION_INVALID', `${name}/${file} changed while it was stored`, {
        next: 'the same command again',
      })
  await putBundle(store, bundle)
  if (signer !== undefined) await sign(store, signer, { subject: 'code', name, digest, claim: {} })
}

/**
 * Lays out a copy of a program's folder, signed by somebody who is trusted here.
 * @param to a folder that is not there yet
 */
export async function layOutProgramFolder(
  { store, trusted }: { readonly store: Store; readonly trusted: TrustedKeys },
  digest: string,
  to: string,
): Promise<void> {
  await requireSigned(store, trusted, 'code', digest)
  const { files, facts } = await getBundle(store, digest, 'program')
  const executable = new Set(facts.executable as string[])
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const [name, file] of Object.entries(files)) {
    const path = resolve(to, name)
    if (!path.startsWith(to + sep)) throw new Error(`the program has a file outside its folder: ${name}`)
    await mkdir(dirname(path), { recursive: true })
    await copyFile(await localFile(store, file.digest), path)
    await chmod(path, executable.has(name) ? 0o700 : 0o600)
  }
}
