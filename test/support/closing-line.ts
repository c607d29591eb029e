import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'
import { shareOfSlowest } from './budget.ts'
import { durationsFile } from './longest-first.ts'

/**
 * Prints the line that CI reads: `N passed, N failed`, and how many were skipped where some were. Before it stands which share of the time
 * the ten slowest files took; `RECORD_DURATIONS=1` writes what each took to test/durations.json.
 */
export default class ClosingLine implements Reporter {
  private counts = { passed: 0, failed: 0, skipped: 0 }
  private brokenFiles = 0
  private root = ''
  private readonly seconds: Record<string, number> = {}

  onInit(vitest: Vitest): void {
    this.root = vitest.config.root
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result()
    if (state !== 'pending') this.counts[state]++
  }

  onTestModuleEnd(module: TestModule): void {
    if (module.errors().length > 0) this.brokenFiles++
    const { duration, collectDuration } = module.diagnostic()
    this.seconds[relative(this.root, module.moduleId)] = Math.round((duration + collectDuration) / 100) / 10
  }

  onTestRunEnd(_modules: unknown, unhandled: readonly unknown[]): void {
    const { passed, skipped } = this.counts
    const failed = this.counts.failed + this.brokenFiles + unhandled.length
    const sorted = Object.fromEntries(Object.entries(this.seconds).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (process.env.RECORD_DURATIONS === '1') writeFileSync(durationsFile, `${JSON.stringify(sorted, null, 2)}\n`)
    // After the default reporter's summary.
    setImmediate(() => {
      if (Object.keys(sorted).length > 20)
        console.log(`the ten slowest files took ${Math.round(shareOfSlowest(sorted) * 100)} % of the time of all`)
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    })
  }
}
