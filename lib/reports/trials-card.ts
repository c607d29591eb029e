import { show } from '../formats/show-number.ts'
import { parametersInWords } from '../formats/step-kinds/tune-step.ts'
import { comparedBy, type Dimension, type ParameterValue, type TrialTimes, type Tuning } from '../formats/tuning.ts'
import { bestFirst } from '../stats/tuning/best-first.ts'
import { escapeHtml } from './html.ts'

/** Trials that the table tells of. */
const trialsTold = 50
/** Room between two axes, above and below them, and beside the outermost; pixels. */
const [between, height, head, foot, side] = [130, 200, 30, 22, 50]
/** Of the trials that are drawn, those that stand out. */
const shareOfBest = 0.2
/** The loss axis ends where so many of the trials are below: one that went far off would press the others together. */
const shownLosses = 0.9

type Ended = Tuning['trials'][number]
type Done = Ended & { readonly result: { readonly state: 'done'; readonly loss: number } }

/** An axis: its name, where a trial crosses it (0 below, 1 above), and what stands at its ends. */
interface Axis {
  readonly name: string
  readonly at: (trial: Done) => number
  readonly marks: readonly { readonly at: number; readonly words: string }[]
}

/** The trials of a model: drawn as lines through what they tried to what they came to, and as a table. */
export function trialsCards(tuning: Tuning, times: TrialTimes): string {
  const { trials, theirs } = tuning
  const { name } = comparedBy(tuning)
  const failed = trials.filter(({ result }) => result.state === 'failed').length
  const done = trials.filter((trial): trial is Done => trial.result.state === 'done')
  const most = Math.max(...done.map(({ share }) => share))
  const drawn = done.filter(({ share }) => share === most)
  const few = done.length - drawn.length
  const leftOut = [...(few > 0 ? [`${few} on fewer rows`] : []), ...(failed > 0 ? [`${failed} that failed`] : [])].join(
    ', ',
  )
  const told = [
    tuning.objective === undefined
      ? `A line a trial, to the ${name} of the validation rows at the right, the least of which counts.`
      : `A line a training job of SageMaker's search, to the ${name} that it says at the right, best at the bottom.`,
    'The thick line was chosen.',
    ...(theirs === undefined ? [] : [`SageMaker holds trial ${theirs} for the best.`]),
    ...(few + failed > 0 ? [`In the table only: ${leftOut}.`] : []),
  ].join(' ')
  const drawing = drawn.length < 2 ? '' : parallelCoordinates(tuning, drawn)
  return `<h2>How its parameters were chosen</h2>
<div class="cards"><div class="card all"><h3>${trials.length} trials</h3><p class="soft">${escapeHtml(told)}</p><div class="scroll">${drawing}</div></div></div>
${trialTable(tuning, times)}`
}

function parallelCoordinates(tuning: Tuning, trials: readonly Done[]): string {
  const { space, chosen } = tuning
  const compared = comparedBy(tuning)
  const names = Object.keys(space).sort()
  const axes = [...names.map((name) => axisOf(name, space[name] as Dimension)), lossAxis(compared, trials)]
  const width = 2 * side + between * (axes.length - 1)
  const x = (axis: number): number => side + axis * between
  const y = (at: number): number => head + (1 - at) * height
  const order = bestFirst(trials)
  const best = new Set(order.slice(0, Math.max(1, Math.round(order.length * shareOfBest))))
  const lines = order.toReversed().map((trial) => {
    const points = axes.map(({ at }, i) => `${x(i)} ${y(at(trial)).toFixed(1)}`)
    const kind = best.has(trial) ? 'path' : 'then-line'
    const width = trial.number === chosen ? ' style="stroke-width:3"' : ''
    const title = `trial ${trial.number}: ${parametersInWords(trial.parameters)}; ${compared.name} ${show(compared.shown(trial.result.loss))}`
    return `<path class="${kind}"${width} d="M${points.join('L')}"><title>${escapeHtml(title)}</title></path>`
  })
  const frames = axes.map(({ name, marks }, i) => {
    const isLast = i === axes.length - 1
    const words = marks.map(
      (mark) =>
        `<text x="${x(i) + (isLast ? 5 : -5)}" y="${(y(mark.at) + 3).toFixed(1)}" text-anchor="${isLast ? 'start' : 'end'}">${escapeHtml(short(mark.words))}</text>`,
    )
    return `<line class="axis" x1="${x(i)}" x2="${x(i)}" y1="${head}" y2="${head + height}"/><text x="${x(i)}" y="${head - 14}" text-anchor="middle">${escapeHtml(short(name, 20))}</text>${words.join('')}`
  })
  const all = head + height + foot
  return `<svg viewBox="0 0 ${width} ${all}" style="min-width:${width}px" role="img" aria-label="Trials in parallel coordinates">${lines.join('')}${frames.join('')}</svg>`
}

function axisOf(name: string, dimension: Dimension): Axis {
  if (dimension.kind === 'choice') {
    const { of } = dimension
    const place = (value: ParameterValue | undefined): number => of.indexOf(value as ParameterValue)
    const at = (i: number): number => (of.length === 1 ? 0.5 : i / (of.length - 1))
    return {
      name,
      at: ({ parameters }) => at(place(parameters[name])),
      marks: of.map((value, i) => ({ at: at(i), words: String(value) })),
    }
  }
  const { from, to, scale } = dimension
  const along = (value: number): number =>
    scale === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from)
  return {
    name: scale === 'log' ? `${name} (log)` : name,
    at: ({ parameters }) => (from === to ? 0.5 : along(Number(parameters[name]))),
    marks: [
      { at: 0, words: show(from) },
      { at: 1, words: show(to) },
    ],
  }
}

function lossAxis({ name, shown }: ReturnType<typeof comparedBy>, trials: readonly Done[]): Axis {
  const losses = trials.map(({ result }) => result.loss).sort((a, b) => a - b)
  const low = losses[0] as number
  const high = losses[Math.min(losses.length - 1, Math.ceil(losses.length * shownLosses))] as number
  const isCut = high < (losses.at(-1) as number)
  return {
    name,
    at: ({ result }) => (high === low ? 0.5 : Math.min(1, (result.loss - low) / (high - low))),
    marks: [
      { at: 0, words: show(shown(low)) },
      { at: 1, words: isCut ? `${shown(1) < 0 ? '≤' : '≥'} ${show(shown(high))}` : show(shown(high)) },
    ],
  }
}

const short = (words: string, most = 10): string => (words.length > most ? `${words.slice(0, most - 1)}…` : words)

function trialTable(tuning: Tuning, times: TrialTimes): string {
  const { trials, chosen } = tuning
  const compared = comparedBy(tuning)
  const took = new Map(times.map((time) => [time.number, time]))
  const isShared = trials.some(({ share }) => share < 1)
  const names = Object.keys(trials[0]?.parameters ?? {}).sort()
  const number = (words: string): string => `<td class="number">${words}</td>`
  const value = (of: ParameterValue | undefined): string =>
    typeof of === 'number' ? number(show(of)) : `<td>${escapeHtml(String(of ?? ''))}</td>`
  const rows = bestFirst(trials)
    .slice(0, trialsTold)
    .map((trial) => {
      const time = took.get(trial.number)
      const came =
        trial.result.state === 'done'
          ? number(show(compared.shown(trial.result.loss)))
          : `<td class="bad" title="${escapeHtml(time?.message ?? '')}">${escapeHtml(trial.result.why)}</td>`
      const seconds = time === undefined ? '' : `${time.seconds.toFixed(1)}&nbsp;s`
      return `<tr>${number(`${trial.number === chosen ? 'chosen:&nbsp;' : ''}${trial.number}`)}${isShared ? number(`${show(trial.share * 100)}&nbsp;%`) : ''}${names.map((name) => value(trial.parameters[name])).join('')}${came}${number(seconds)}${trial.job === undefined ? '' : `<td>${escapeHtml(trial.job)}</td>`}</tr>`
    })
  const hasJobs = trials.some(({ job }) => job !== undefined)
  const heads = [...(isShared ? ['rows'] : []), ...names, compared.name, 'time', ...(hasJobs ? ['training job'] : [])]
  const more = trials.length - trialsTold
  return `<div class="scroll" style="margin-top:14px"><table><tr><th class="number">trial</th>${heads.map((name) => `<th class="number">${escapeHtml(name)}</th>`).join('')}</tr>${rows.join('\n')}</table></div>${more > 0 ? `<p class="soft">and ${more} more trials</p>` : ''}`
}
