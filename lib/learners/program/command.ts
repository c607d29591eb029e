import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'

/**
 * Makes sure that a program is there before it is asked for.
 * @param path where programs without a folder are looked for
 * @param folder what relative ones start from
 * @throws SlipwayError PROGRAM_FAILED
 */
export function requireProgram(program: string, path: string, folder: string): void {
  const places = program.includes('/')
    ? [isAbsolute(program) ? program : resolve(folder, program)]
    : path.split(delimiter).map((each) => join(each, program))
  const isThere = places.some((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  if (isThere) return
  const where = program.includes('/') ? 'in its folder, or may not be executed' : "on this worker's PATH"
  throw new SlipwayError('PROGRAM_FAILED', `there is no "${program}" ${where}`, {
    next: program.includes('/') ? 'correct `command`, or make the file executable' : 'install it where workers run',
  })
}
