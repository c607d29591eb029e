import { contextOf } from '../../client/context.ts'
import { rollBackTo } from '../../client/rollback.ts'
import { type Refusal, refusalInWords } from '../../lib/formats/refusal.ts'
import { readSettings } from '../../workers/settings.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say } from '../output.ts'

interface RollbackOptions extends JsonOption {
  readonly to?: string
  readonly reason?: string
}

/** Back to the version before: of an endpoint, at once; of a model that no endpoint serves, as its champion. */
export async function rollback(name: string, options: RollbackOptions): Promise<number> {
  const { to, reason } = options
  // Not patient: a store that is away has its route changed by the owner, and that is not waited for.
  const done = await rollBackTo(contextOf(readSettings(), { say, patient: false }), name, { to, reason })
  const { passedOver } = done
  if (options.json === true) {
    const said = { ...done, passedOver: passedOver.map(({ version, by }) => ({ version, by })) }
    printJson('rejected' in done ? { ...said, rejected: done.rejected && { by: done.rejected.by } } : said)
    return 0
  }
  if ('model' in done) {
    print(`champion of ${done.model} is version ${done.champion} (was ${done.before})`)
    sayPassedOver(passedOver)
    return 0
  }
  const { endpoint, champion, ms, breakGlass, gatewaysBehind, rejected } = done
  const how = breakGlass ? ' (break-glass: past its owner, who takes it over within half a minute)' : ''
  print(`${endpoint} serves version ${champion} again, after ${ms} ms${how}`)
  if (gatewaysBehind.length > 0) print(`  not there yet: ${gatewaysBehind.join(', ')}`)
  sayPassedOver(passedOver)
  if (rejected !== null) print(`  but ${refusalInWords(rejected)}; next: slipway rollback ${endpoint}`)
  return 0
}

const sayPassedOver = (passedOver: readonly Refusal[]): void => {
  for (const refusal of passedOver) print(`  passed over: ${refusalInWords(refusal)}`)
}
