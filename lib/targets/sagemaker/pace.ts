/** How quick a hosted endpoint and its counts are. */
export interface Pace {
  /** What CloudWatch counts by, ms: a minute. */
  readonly periodMs: number
  /** How long after its end a period may still be counted, ms. */
  readonly finalMs: number
  /** The same of requests that SageMaker writes down: how long after its end a period's files may still come. */
  readonly capturedMs: number
  /** How old a file must be to be listed for certain, whatever the clocks say, ms. */
  readonly listedMs: number
  /** How often an endpoint is looked at while it changes, and for how long, ms. */
  readonly everyMs: number
  readonly patienceMs: number
  /** See `nextStep`. */
  readonly settleMs: number
}

const usual: Pace = {
  periodMs: 60_000,
  finalMs: 120_000,
  capturedMs: 300_000,
  listedMs: 15_000,
  everyMs: 5_000,
  patienceMs: 45 * 60_000,
  settleMs: 20_000,
}

/**
 * How quick SageMaker is. A stand-in of it may be quicker: `SLIPWAY_SAGEMAKER_PERIOD_MS` says by how much its periods
 * are shorter than a minute, and all else with them; not below a second, which CloudWatch has no periods of.
 */
export function paceOf(env: NodeJS.ProcessEnv): Pace {
  const period = Number(env.SLIPWAY_SAGEMAKER_PERIOD_MS ?? usual.periodMs)
  const periodMs = Number.isFinite(period) ? Math.max(1_000, Math.min(usual.periodMs, period)) : usual.periodMs
  const factor = periodMs / usual.periodMs
  return {
    periodMs,
    finalMs: usual.finalMs * factor,
    capturedMs: usual.capturedMs * factor,
    // The store's times are whole seconds.
    listedMs: Math.max(2_000, usual.listedMs * factor),
    everyMs: Math.max(100, usual.everyMs * factor),
    patienceMs: Math.max(30_000, usual.patienceMs * factor),
    settleMs: Math.max(1_000, usual.settleMs * factor),
  }
}
