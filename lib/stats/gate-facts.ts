import { brief } from '../formats/brief.ts'
import type { GateResult } from '../formats/records.ts'

/** Gates that a run's record tells of; all are in the step's output. */
const told = 100

/** What a workflow hears of gates: all failed ones come first, where there are more than it can be told of. */
export function gateFacts(gates: readonly GateResult[]): {
  readonly passed: boolean
  readonly failed: number
  readonly judged: number
  readonly gates: readonly GateResult[]
} {
  const failed = gates.filter(({ passed }) => !passed)
  const some = gates.length <= told ? gates : [...failed, ...gates.filter(({ passed }) => passed)].slice(0, told)
  return {
    passed: failed.length === 0,
    failed: failed.length,
    judged: gates.length,
    gates: some.map((gate) => ({ ...gate, name: brief(gate.name, 150), evidence: brief(gate.evidence, 300) })),
  }
}
