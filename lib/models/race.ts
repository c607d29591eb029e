import type { BeforeAndAfter } from '../formats/optimise.ts'

/** Milliseconds that each is asked for in a round; the best of some rounds counts. */
const roundMs = 30
const rounds = 7

/** A graph, and how it is asked. */
interface Runner {
  readonly onnx: Uint8Array
  readonly items: number
  ask(): Promise<unknown>
}

/** What a graph took before and after it was optimised, in the same process and by turns. */
export interface Times {
  /** Microseconds of processor time a row or an item. */
  readonly itemUs: BeforeAndAfter
  /** Milliseconds until it is loaded. */
  readonly loadMs: BeforeAndAfter
}

/** Measures two graphs by turns: what else goes on in this process only adds, so the least counts. */
export async function raceOf(before: Runner, after: Runner): Promise<Times> {
  const least = { before: slowest(), after: slowest() }
  const both = [
    ['before', before],
    ['after', after],
  ] as const
  for (let round = 0; round < rounds; round++)
    for (const [name, runner] of both) {
      const { itemUs, loadMs } = least[name]
      least[name] = {
        itemUs: Math.min(itemUs, await processorUs(runner)),
        loadMs: Math.min(loadMs, await loadedIn(runner)),
      }
    }
  return {
    itemUs: { before: least.before.itemUs, after: least.after.itemUs },
    loadMs: { before: least.before.loadMs, after: least.after.loadMs },
  }
}

const slowest = () => ({ itemUs: Number.POSITIVE_INFINITY, loadMs: Number.POSITIVE_INFINITY })

async function processorUs({ items, ask }: Runner): Promise<number> {
  const used = process.cpuUsage()
  const start = performance.now()
  let calls = 0
  while (performance.now() - start < roundMs) {
    await ask()
    calls++
  }
  const { user, system } = process.cpuUsage(used)
  return (user + system) / calls / Math.max(1, items)
}

async function loadedIn({ onnx }: Runner): Promise<number> {
  const ort = await import('../code/onnxruntime.ts')
  const start = performance.now()
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const took = performance.now() - start
  await session.release()
  return took
}
