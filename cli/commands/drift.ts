import { checkFile } from '../../client/check-file.ts'
import { type CheckedRows, readCheck } from '../../client/monitors.ts'
import { exitCodes } from '../../lib/formats/errors.ts'
import { show } from '../../lib/formats/show-number.ts'
import { monitorPage } from '../../lib/reports/monitor-page.ts'
import { nameOfColumn } from '../../lib/stats/answer-profile.ts'
import { labelsInWords } from '../../lib/stats/label-counts.ts'
import { driftSection } from '../ci/run-summary.ts'
import { appendToJobSummary } from '../ci/tell.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'

export interface DriftOptions extends JsonOption {
  readonly html?: string
}

/**
 * `drift check flights`: the rules of the monitor, now. Without `--from` on the last check of the endpoint; with it, on
 * the rows of a file against the training rows of a version.
 * @returns 17 on an alarm
 */
export async function check(
  name: string,
  options: DriftOptions & { from?: string; against?: string; exact?: boolean },
): Promise<number> {
  const context = openContext()
  const { from, against, exact } = options
  if (from !== undefined) {
    const wanted = { ...(against !== undefined && { against }), ...(exact !== undefined && { exact }) }
    const checked = await checkFile(context, name, from, wanted)
    tell(checked, options)
    // One file is one look: a rule that asks for several in a row is judged by this one.
    return checked.report.rules.some(({ state }) => state === 'breached') ? exitCodes.drift : exitCodes.done
  }
  const checked = await readCheck(context, name)
  tell(checked, options)
  return checked.report.rules.some(({ firing }) => firing) ? exitCodes.drift : exitCodes.done
}

/** `drift show flights`: the last check of an endpoint, or an earlier one. */
export async function showCheck(endpoint: string, options: DriftOptions & { seq?: string }): Promise<number> {
  const seq = options.seq === undefined ? undefined : Number(options.seq)
  tell(await readCheck(openContext(), endpoint, seq), options)
  return 0
}

function tell({ report, policy }: CheckedRows, options: DriftOptions): void {
  if (options.html !== undefined) {
    writeTo('--html', options.html, monitorPage(report, policy))
    say(`page written to ${options.html}`)
  }
  appendToJobSummary(driftSection(report))
  if (options.json === true) {
    printJson(report)
    return
  }
  const isAlarm = report.rules.some(({ state, firing }) => firing || state === 'breached')
  print(`${isAlarm ? colors.red('✗') : colors.green('✓')} ${report.verdict}`)
  const sorted = [...report.columns].sort((a, b) => (b.measures.psi?.value ?? 0) - (a.measures.psi?.value ?? 0))
  if (sorted.length > 0) {
    const cell = (value: number | undefined): string => (value === undefined ? '' : show(value))
    print(
      table(
        ['column', 'importance', 'PSI', 'at least', 'JS', 'KS', 'unseen', 'missing'],
        sorted.map(({ name, importance, measures }) => [
          nameOfColumn(name),
          importance === null ? '' : `${(importance * 100).toFixed(1)} %`,
          cell(measures.psi?.value),
          cell(measures.psi?.low),
          cell(measures.jensenShannon?.value),
          cell(measures.ks?.value),
          cell(measures.unseen?.value),
          cell(measures.missing?.value),
        ]),
      ),
    )
  }
  const { quality, labels } = report
  if (labels.received + labels.waiting + labels.dropped > 0) print(`labels  ${labelsInWords(labels)}`)
  if (labels.warning !== null) print(colors.yellow(`warning: ${labels.warning}`))
  if (quality !== null)
    print(
      `live  ${Object.entries(quality.metrics)
        .map(([name, { value, low, high }]) => `${name} ${show(value)} (${show(low)} to ${show(high)})`)
        .join(', ')}, ${quality.labels} labels; predicted ${show(quality.prediction)}, observed ${show(quality.label)}`,
    )
}
