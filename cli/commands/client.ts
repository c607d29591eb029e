import { existsSync, readFileSync } from 'node:fs'
import { readContract } from '../../client/typed/contract.ts'
import { writeClient } from '../../client/typed/write-client.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openStoreContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

interface ClientOptions extends JsonOption {
  readonly out?: string
  readonly check?: boolean
}

/**
 * `client flights --out src/flights.ts`: writes a typed client of an endpoint, by the contract of its champion; with
 * `check` it writes nothing and says whether the file is what it would write.
 * @throws SlipwayError CLIENT_STALE with `check`, where it is not
 */
export async function client(endpoint: string, { out, check = false, json }: ClientOptions): Promise<number> {
  if (check && out === undefined)
    throw new SlipwayError('USAGE', '--check needs the file that is checked', {
      next: `slipway client ${endpoint} --out ${endpoint}.ts --check`,
    })
  const text = writeClient(await readContract(openStoreContext(), endpoint))
  if (out === undefined) {
    if (json === true) printJson({ endpoint, text })
    else print(text.trimEnd())
    return 0
  }
  const before = existsSync(out) ? readFileSync(out, 'utf8') : undefined
  const isSame = before === text
  if (check && !isSame)
    throw new SlipwayError(
      'CLIENT_STALE',
      before === undefined ? `${out} is not there` : `${out} is not what endpoint ${endpoint} takes and answers now`,
      { next: `slipway client ${endpoint} --out ${out}, and see what no longer compiles` },
    )
  if (!isSame) writeTo('--out', out, text)
  if (json === true) printJson({ endpoint, out, changed: !isSame })
  else print(isSame ? `${out} is up to date` : `written to ${out}`)
  return 0
}
