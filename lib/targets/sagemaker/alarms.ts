import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch'
import type { Guardrails } from '../../formats/guardrails.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { sageMakerError } from '../../sagemaker/faults.ts'

type Watching = Pick<SageMakerClients, 'cloudWatch'>

/** States of alarms by their names; of those that are not there none. @throws those of `sageMakerError` */
async function statesOf({ cloudWatch }: Watching, names: readonly string[]): Promise<Map<string, string>> {
  const command = new DescribeAlarmsCommand({
    AlarmNames: [...names],
    AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
    MaxRecords: 100,
  })
  const { MetricAlarms = [], CompositeAlarms = [] } = await cloudWatch.send(command).catch((error) => {
    throw sageMakerError(error, `to look at the alarms ${names.join(', ')}`)
  })
  return new Map(
    [...MetricAlarms, ...CompositeAlarms].map(({ AlarmName = '', StateValue = '' }) => [AlarmName, StateValue]),
  )
}

/**
 * Why alarms would not guard an update: an alarm that is not there watches nothing, one that has gone off already ends
 * any update.
 * @returns null where they would
 */
export async function whyUnguarded(watching: Watching, { alarms }: Guardrails): Promise<string | null> {
  const states = await statesOf(watching, alarms)
  const missing = alarms.filter((name) => !states.has(name))
  if (missing.length > 0) return `CloudWatch has no alarm ${missing.join(', ')}, so nothing would have it go back`
  const off = alarms.filter((name) => states.get(name) === 'ALARM')
  return off.length > 0 ? `alarm ${off.join(', ')} has gone off before anything moved` : null
}

/** ` (alarm loans-errors is in ALARM)`, to what SageMaker says of an update that it took back; else nothing. */
export async function alarmsInWords(watching: Watching, { alarms }: Guardrails): Promise<string> {
  const states = await statesOf(watching, alarms).catch(() => new Map<string, string>())
  const off = alarms.filter((name) => states.get(name) === 'ALARM')
  return off.length === 0 ? ` (its alarms: ${alarms.join(', ')})` : ` (in ALARM: ${off.join(', ')})`
}
