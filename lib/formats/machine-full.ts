import { type ErrorCode, SlipwayError } from './errors.ts'

/** What a machine can have too little of, by what Node, DuckDB and programs say of it. */
const shortages: readonly {
  readonly code: ErrorCode
  readonly said: RegExp
  readonly what: string
  readonly next: (where: string) => string
}[] = [
  {
    code: 'DISK_FULL',
    said: /\b(ENOSPC|EDQUOT|EFBIG)\b|no space left on device|disk quota exceeded|": file too large|disk is full/i,
    what: 'the disk is full',
    next: (where) => `make room${where}: a step goes on by itself then, a command is to be given again`,
  },
  {
    code: 'TOO_MANY_FILES',
    said: /\b(EMFILE|ENFILE)\b|too many open files/i,
    what: 'too many files are open',
    next: () => 'raise the limit of open files (ulimit -n), or end what has them open; a step goes on by itself then',
  },
  {
    code: 'OUT_OF_MEMORY',
    said: /\bENOMEM\b|cannot allocate memory|^Out of Memory Error\b|: Out of Memory Error\b/i,
    what: 'there is no memory left',
    next: () => 'end what else needs memory, or give the machine more; a step tries again by itself for minutes',
  },
]

/** Folder of the file that an error names: as Node says it, or in quotes as DuckDB does. */
const folderIn = (error: Error): string | undefined =>
  /^(.+)\/[^/]*$/.exec((error as NodeJS.ErrnoException).path ?? /"(\/[^"]+)"/.exec(error.message)?.[1] ?? '')?.[1]

/**
 * That a machine had no room, as a passing error; undefined for all else. It is looked for among the causes and in what
 * is said: what failed for it may have been taken for something else.
 * @param folder where the work writes; that of the error, where it names one, is better
 */
export function machineFull(error: unknown, folder?: string): SlipwayError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const said = `${cause.message} ${(cause as NodeJS.ErrnoException).code ?? ''}`
    const shortage = shortages.find((each) => each.said.test(said))
    if (shortage === undefined) continue
    if (cause instanceof SlipwayError && cause.code === shortage.code) return cause
    const at = folderIn(cause) ?? folder
    const where = at === undefined ? '' : ` in ${at}`
    const [line] = cause.message.split('\n')
    return new SlipwayError(
      shortage.code,
      `${shortage.what}${where}: ${line}`,
      { next: shortage.next(where), ...(at === undefined ? {} : { folder: at }) },
      { cause: error },
    )
  }
  return undefined
}
