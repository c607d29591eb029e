import { pushSnapshot } from '../../client/push-to-dvc.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface DvcOptions extends JsonOption {
  /** The pointer: `data/flights.parquet.dvc`. */
  readonly to: string
  /** A folder, `s3://bucket/prefix`, or the name of a remote in `.dvc/config`; the usual one by default. */
  readonly remote?: string
}

/** `export dvc <snapshot or run>`: a snapshot as a pointer of DVC, its bytes in the remote that `dvc pull` reads. */
export async function exportDvc(what: string, { to, remote, json }: DvcOptions): Promise<number> {
  const { snapshot, text, ...pushed } = await pushSnapshot(openStoreContext(), what, to, remote)
  // Last: a pointer never names what is not there.
  writeTo('--to', to, text)
  const { md5, files, size } = pushed
  if (json === true) printJson({ snapshot, pointer: to, ...pushed })
  else print(`${to} points to snapshot ${shortDigest(snapshot)}: ${files} files, ${size} bytes, md5 ${md5}`)
  return 0
}
