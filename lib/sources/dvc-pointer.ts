import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'

/** An output that a `.dvc` file points to. */
export interface Output {
  /** Its path, starting where the pointer's does. */
  readonly path: string
  /** 32 hexadecimal digits; behind it `.dir` where the output is a folder. */
  readonly md5: string
  /**
   * Whether it was hashed as DVC 2 did, which took line ends of text for Unix ones, and lies in the layout of that
   * time.
   */
  readonly isLegacy: boolean
  /** The remote it is in, if not the usual one. */
  readonly remote: string | undefined
}

const Md5 = z.string().regex(/^[0-9a-f]{32}(\.dir)?$/, 'it is no md5')
const Pointer = z.object({
  wdir: z.string().optional(),
  outs: z
    .array(
      z.object({ md5: Md5, hash: z.literal('md5').optional(), path: z.string().min(1), remote: z.string().optional() }),
    )
    .min(1),
})
const Listing = z.array(z.object({ md5: Md5, relpath: z.string().min(1) }))

/**
 * What a `.dvc` file says.
 * @param name what messages call it: its path
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export function outputsOf(text: string, name: string): Output[] {
  const { wdir, outs } = parsed(Pointer, () => parse(text), name)
  return outs.map(({ md5, hash, path, remote }) => ({
    path: join(dirname(name), wdir ?? '', path),
    md5,
    isLegacy: hash === undefined,
    remote,
  }))
}

/**
 * The files of a folder that is an output, by the list that lies in its place.
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export function filesOfFolder(text: string, folder: Output): Output[] {
  const entries = parsed(Listing, () => JSON.parse(text), folder.path)
  return entries.map(({ md5, relpath }) => ({ ...folder, md5, path: join(folder.path, relpath) }))
}

function parsed<T>(schema: z.ZodType<T>, read: () => unknown, name: string): T {
  try {
    return schema.parse(read())
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : []
    const why =
      issue === undefined ? (error as Error).message.split('\n')[0] : `${issue.path.join('.')}: ${issue.message}`
    throw new SlipwayError('SOURCE_UNREADABLE', `${name} is no pointer of DVC that can be followed: ${why}`, {
      next: 'it must name an md5, as `dvc add` writes it; versions that a cloud keeps cannot be read',
    })
  }
}
