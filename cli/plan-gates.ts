import type { PlannedGate } from '../client/plan-gates.ts'

/** The gates of a plan, a heading a step and a line each. */
export function gateLines(gates: readonly PlannedGate[]): string[] {
  return gates.flatMap(({ step, part, name, note }, i) => {
    const head = gates[i - 1]?.step === step ? [] : [`\n${step}, on ${part}:`]
    return [...head, `  ${name}`, ...(note === null ? [] : [`    note: ${note}`])]
  })
}
