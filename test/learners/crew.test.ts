import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { compiledLoops } from '../../lib/learners/trees/compiled.ts'
import { hireCrew } from '../../lib/learners/trees/crew.ts'
import { allocate } from '../../lib/learners/trees/memory.ts'

it('a helper that is woken late carries no order out twice', async () => {
  const memory = allocate({ rows: 1_000, validationRows: 0, features: 1, threads: 2 })
  const [generation, finished] = [0, 1]
  const crew = hireCrew(memory, compiledLoops(memory))
  for (let order = 1; order <= 5; order++) {
    crew.run('updateBinary', 0)
    // Whoever announces an order may be preempted between counting it and waking the helpers.
    for (let i = 0; i < 20; i++) {
      Atomics.notify(memory.control, generation)
      await sleep(2)
    }
    expect(Atomics.load(memory.control, finished)).toBe(1)
  }
  crew.dismiss()
})

it('a helper that fails fails the training, and does not keep it waiting', () => {
  const memory = allocate({ rows: 1_000, validationRows: 0, features: 1, threads: 2 })
  const crew = hireCrew(memory, compiledLoops(memory))
  // A leaf that ends far outside the memory: the loop of the thread that owns it traps.
  memory.segments[(1 * 2 + 0) * 256 * 2 + 1] = 0x1000_0000
  expect(() => crew.run('updateBinary', 1)).toThrow('a thread of the training failed')
  crew.dismiss()
})
