import type { Reporter, TestCase } from 'vitest/node'

/** Prints the line that CI reads: `N passed, N failed`, and how many were skipped where some were. */
export default class ClosingLine implements Reporter {
  private counts = { passed: 0, failed: 0, skipped: 0 }
  private brokenFiles = 0

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result()
    if (state !== 'pending') this.counts[state]++
  }

  onTestModuleEnd(module: { errors(): unknown[] }): void {
    if (module.errors().length > 0) this.brokenFiles++
  }

  onTestRunEnd(_modules: unknown, unhandled: readonly unknown[]): void {
    const { passed, skipped } = this.counts
    const failed = this.counts.failed + this.brokenFiles + unhandled.length
    // After the default reporter's summary.
    setImmediate(() => console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`))
  }
}
