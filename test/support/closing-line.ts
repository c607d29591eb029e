import { existsSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'
import { shareOfSlowest } from './budget.ts'
import { durationsFile, readDurations } from './longest-first.ts'

/**
 * Prints the line that CI reads: `N passed, N failed`, and how many were skipped where some were. Before it stands
 * which share of the time the ten slowest files took; with `RECORD_DURATIONS=1` what each file of the run took is put
 * on record in test/durations.json.
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
    if (process.env.RECORD_DURATIONS === '1') this.record()
    // After the default reporter's summary.
    setImmediate(() => {
      if (Object.keys(this.seconds).length > 20)
        console.log(`the ten slowest files took ${Math.round(shareOfSlowest(this.seconds) * 100)} % of the time of all`)
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    })
  }

  /** Files that are gone leave the record. */
  private record(): void {
    const all = Object.entries({ ...readDurations(), ...this.seconds })
    const isCounted = (file: string): boolean => !file.startsWith('test/peers/') && existsSync(join(this.root, file))
    const kept = all.filter(([file]) => isCounted(file)).sort(([a], [b]) => (a < b ? -1 : 1))
    writeFileSync(durationsFile, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`)
  }
}
