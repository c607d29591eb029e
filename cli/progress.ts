import type { ProgressView } from '../client/progress.ts'
import { colors } from './colors.ts'
import { say, seconds } from './output.ts'
import { writeMessage } from './sinks.ts'

const barWidth = 24
/** Takes away the line that is drawn over, if one is there. */
let clearLine: () => void = () => {}

/** Says something from outside of what is shown: above the line that is drawn over. */
export function sayAbove(line: string): void {
  clearLine()
  say(line)
}

/** Shows a run while it goes on: on a terminal one line that is drawn over, otherwise a plain line a step. */
export function progressView(isTerminal = process.stderr.isTTY === true): ProgressView {
  let drawn = false
  const clear = (): void => {
    if (drawn) writeMessage('\r\u001b[2K')
    drawn = false
  }
  clearLine = clear
  return {
    working(step, what, done) {
      if (!isTerminal) return
      const full = Math.round(Math.min(1, Math.max(0, done)) * barWidth)
      clear()
      writeMessage(
        `  ${colors.cyan('›')} ${step.padEnd(10)} ${colors.cyan('█'.repeat(full))}${colors.dim('░'.repeat(barWidth - full))} ${what}`.slice(
          0,
          (process.stderr.columns ?? 100) + 20,
        ),
      )
      drawn = true
    },
    finished({ name, cached, seconds: took, summary }, reason) {
      clear()
      const why = cached ? 'reused' : `ran ${seconds(took)}${reason === '' ? '' : ` (${reason})`}`
      say(`  ${colors.green('✓')} ${name.padEnd(10)} ${summary}  ${colors.dim(why)}`)
    },
    note(line) {
      clear()
      say(line)
    },
    end: clear,
  }
}
