import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { layOutProgramFolder } from '../../code/program-folder.ts'
import { mediaTypes, shortDigest } from '../../formats/artifact.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import type { PackageSource } from '../../models/package.ts'
import { putFile } from '../../store/objects.ts'

/** A program's log in the scratch folder of its step. */
export const programLog = 'program.log'

/**
 * Does work with a place for a program: a folder of its own beside the step's, with its files. Its log is kept also
 * when it fails, and named then.
 * @param folder the step's scratch folder
 */
export async function inProgramPlace<T>(
  source: PackageSource,
  program: { readonly files?: string | undefined },
  folder: string,
  work: (place: ProgramPlace) => Promise<T>,
): Promise<T> {
  if (program.files === undefined) throw new Error('the plan does not say which files the program has')
  // Not in the step's folder: a program that is being ended may write on while that is removed.
  const root = `${folder}-program`
  const log = join(folder, programLog)
  try {
    await layOutProgramFolder(source, program.files, join(root, 'code'))
    return await work({ root, environments: join(source.store.cacheFolder, 'environments'), log })
  } catch (error) {
    throw await namingLog(source, error, log)
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** An error of ours that says where the log is, which is kept; any other as it is, and where there is no log. */
export async function namingLog(
  { store }: Pick<PackageSource, 'store'>,
  error: unknown,
  log: string,
): Promise<unknown> {
  if (!(error instanceof SlipwayError) || !existsSync(log)) return error
  const { digest } = await putFile(store, log, mediaTypes.text)
  return new SlipwayError(error.code, error.message, {
    ...error.facts,
    log: digest,
    next: `${error.facts.next}: slipway show ${shortDigest(digest)}`,
  })
}
