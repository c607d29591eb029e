import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { requireEmpty } from '../../lib/edge/folder.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { writeEntries } from '../../lib/models/model-folder.ts'
import { modelKeyFrom, modelSignature, signatureFile } from '../../lib/models/model-signature.ts'
import { digestOf, digestOfFile, hexOf } from '../../lib/store/digest.ts'
import type { TarEntry } from '../../lib/store/tar.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'
import { toPackage } from '../packages/packaged.ts'

export interface SignedOptions extends JsonOption {
  readonly to: string
  /** PEM. */
  readonly key: string
}

/** `export oms <model> --to <folder> --key <file>`: a model as a folder with a signature of OpenSSF Model Signing. */
export async function exportSigned(model: string, { to, key, json }: SignedOptions): Promise<number> {
  const { version, entries } = await toPackage(model)
  const signer = modelKeyFrom(keyAt(key))
  const folder = resolve(to)
  await requireEmpty(folder)
  await mkdir(dirname(folder), { recursive: true })
  const signature = modelSignature(version.model, await digestsOf(entries), signer)
  await writeEntries(folder, [
    ...entries,
    { kind: 'file', path: signatureFile, from: Buffer.from(JSON.stringify(signature)) },
  ])
  if (json === true) printJson({ ...version, folder, signature: signatureFile })
  else
    print(
      `${version.model} version ${version.version} is signed in ${folder}; verify it there:\n` +
        `  model_signing verify key . --signature ${signatureFile} --public_key <file>`,
    )
  return 0
}

/** @throws SlipwayError USAGE for a file that cannot be read */
function keyAt(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new SlipwayError('USAGE', `--key ${file} cannot be read: ${(error as Error).message}`, {
      next: 'give the file of a private key',
    })
  }
}

/** The sha256 of every file, in hexadecimal digits, by its path. */
async function digestsOf(entries: readonly TarEntry[]): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>()
  for (const entry of entries) {
    if (entry.kind !== 'file') continue
    const { from } = entry
    const digest = from instanceof Uint8Array ? digestOf(from) : (await digestOfFile(from.file)).digest
    digests.set(entry.path, hexOf(digest))
  }
  return digests
}
