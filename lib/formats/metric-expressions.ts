import { z } from 'zod'

/** By name: regular expressions whose first group is the value; the last one in a log counts. */
export const MetricExpressions = z.record(z.string().min(1), z.string().check(isExpressionWithGroup))

function isExpressionWithGroup({ value, issues }: z.core.ParsePayload<string>): void {
  const refuse = (message: string): void => void issues.push({ code: 'custom', message, input: value })
  try {
    // Beside what is empty, so that it matches: an array with a place for each group.
    if ((new RegExp(`${value}|`).exec('')?.length ?? 0) < 2) refuse('a regular expression with a group for the value')
  } catch (error) {
    refuse((error as Error).message)
  }
}
