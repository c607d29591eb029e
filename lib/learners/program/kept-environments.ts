import { lstat, readdir, readFile, readlink, rm, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { sizeOfFolder } from './folder-size.ts'

/*
 * The environments that a machine keeps: a link by the name of each, to the folder that holds it. A file in the folder
 * says when it was used last; who runs in it says so every minute, so that nobody has to be asked, and a process that
 * was killed says nothing any more.
 */

/** Room for all environments, bytes; those that were not used for longest go first. */
const mostBytes = 20e9
const usedFile = '.used'
const sizeFile = '.size'
const sayEveryMs = 60_000
/** What was used this recently may be in use. */
const inUseMs = 10 * sayEveryMs
/** What no link names was left behind if it was not used for this long: installing takes an hour at most. */
const staleMs = 24 * 3_600_000

/** Says of a new environment how large it is, and that it is used. */
export async function markNew(folder: string): Promise<void> {
  await writeFile(join(folder, sizeFile), String(await sizeOfFolder(folder)))
  await sayUsed(folder)
}

/**
 * Takes an environment into use: it is kept until what is returned is called.
 * @param link its name
 * @returns undefined where it is not there
 */
export async function takeKept(link: string): Promise<(() => void) | undefined> {
  const folder = await readlink(link).catch(() => undefined)
  if (folder === undefined) return undefined
  const isThere = await sayUsed(folder).then(
    () => true,
    () => false,
  )
  // Who removes one takes its link first and looks then whether it is used: one of the two sees the other.
  if (!isThere || (await readlink(link).catch(() => undefined)) !== folder) return undefined
  const saying = setInterval(() => void sayUsed(folder).catch(() => {}), sayEveryMs)
  saying.unref()
  return () => clearInterval(saying)
}

const sayUsed = (folder: string): Promise<void> => writeFile(join(folder, usedFile), '')

/**
 * Removes environments until they fit, those first that were not used for longest, and what was left behind by machines
 * that were switched off. Those that may be in use stay, however many they are.
 */
export async function removeOld(environments: string, most = mostBytes): Promise<void> {
  const names = await readdir(environments)
  const links = names.filter((name) => !name.includes('.'))
  const kept = await Promise.all(links.map((name) => keptBehind(join(environments, name))))
  const linked = new Set(kept.map(({ folder }) => basename(folder)))
  for (const name of names.filter((each) => each.includes('.') && !linked.has(each))) {
    const path = join(environments, name)
    if (Date.now() - (await lastUsed(path)) > staleMs) await rm(path, { recursive: true, force: true, maxRetries: 5 })
  }
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { link, folder, bytes, used } of kept.sort((a, b) => a.used - b.used)) {
    if (total <= most || Date.now() - used < inUseMs) return
    await unlink(link).catch(() => {})
    // Who took it meanwhile goes on in it; without its link it is removed when it is stale.
    if (Date.now() - (await lastUsed(folder)) < inUseMs) continue
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    total -= bytes
  }
}

async function keptBehind(link: string) {
  const folder = await readlink(link).catch(() => '')
  const said = await readFile(join(folder, sizeFile), 'utf8').catch(() => undefined)
  return { link, folder, used: await lastUsed(folder), bytes: Number(said ?? (await sizeOfFolder(folder))) }
}

/** When it was used last, or made where that is not said; 0 where it is not there. */
async function lastUsed(folder: string): Promise<number> {
  for (const path of [join(folder, usedFile), folder]) {
    const found = await lstat(path).catch(() => undefined)
    if (found !== undefined) return found.mtimeMs
  }
  return 0
}
