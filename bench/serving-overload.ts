import { readFileSync } from 'node:fs'
import { type Figure, median } from './measure.ts'
import { infer, load, perSecond, rate, rounds, type Server, tensors } from './serving-load.ts'

/** Twice what it can answer, sent whether it answers or not. */
export async function measureOverload(gateway: Server): Promise<Figure[]> {
  const request = [infer(gateway.port, 'columns', tensors(100, 'FP32'))]
  const measured: { capacity: number; good: number; calm: number; storm: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const capacity = perSecond(await load(gateway, request, 32))
    const calm = await load(gateway, request, 32, capacity * 0.3)
    const memoryBefore = residentBytes(gateway.pid)
    const storm = await load(gateway, request, 256, capacity * 2)
    const good = (storm.statuses['200'] ?? 0) / storm.seconds
    measured.push({ capacity, good, calm: calm.p99, storm: storm.p99 })
    console.log(
      `overload: capacity ${rate(capacity)}, statuses ${JSON.stringify(storm.statuses)}, unsent ${storm.unsent}, memory ${((residentBytes(gateway.pid) - memoryBefore) / 1e6).toFixed(0)} MB more`,
    )
  }
  const of = (what: keyof (typeof measured)[number]): number => median(measured.map((each) => each[what]))
  return [
    {
      what: 'goodput of 100-row requests at twice the capacity, open loop, against capacity',
      ours: rate(of('good')),
      theirs: rate(of('capacity')),
      ratio: of('good') / of('capacity'),
      limit: 0.9,
      bound: 'at least',
    },
    {
      what: '99th percentile of those answered then, against that at 0.3 of capacity',
      ours: `${of('storm').toFixed(1)} ms`,
      theirs: `${of('calm').toFixed(1)} ms`,
      ratio: of('storm') / of('calm'),
      limit: 10,
    },
  ]
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
