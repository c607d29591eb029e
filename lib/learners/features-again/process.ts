import { readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { loadFunction } from '../../code/load.ts'
import { type Features, runFeatures } from '../../code/run-features.ts'
import { plainError } from '../../code/thread-errors.ts'
import type { AgainAnswer, AgainOrder } from './again.ts'
import { chosen, joined, piecesOf } from './sample.ts'

/*
 * The process in which features are made a second time: begun with another time zone and locale than all others, it
 * takes the rows in another order and in other pieces.
 */

/** Rows of a piece: another number than tables are read by. */
const pieceRows = 3_001

process.on('disconnect', () => process.exit())
process.on('message', async (order: AgainOrder) => {
  const answer = await again(order).catch((error): AgainAnswer => ({ error: plainError(error) }))
  process.send?.(answer, () => process.disconnect())
})

async function again({ file, digest, name, columns, rows }: AgainOrder): Promise<AgainAnswer> {
  const userFunction = loadFunction(await readFile(file, 'utf8'), digest)
  // Backwards, every second row first: neighbours and beginnings are others.
  const backwards = Array.from({ length: rows }, (_, i) => rows - 1 - i)
  const places = [...backwards.filter((row) => row % 2 === 0), ...backwards.filter((row) => row % 2 === 1)]
  const made: Features[] = []
  for (const piece of piecesOf(chosen(columns, places), rows, pieceRows)) {
    made.push(runFeatures(userFunction, name, piece, 1, () => true))
    // Whoever asked may be gone.
    await turn()
  }
  const order = new Uint32Array(rows)
  places.forEach((place, i) => {
    order[place] = i
  })
  return { features: chosen(joined(made), Array.from(order)) as Features }
}
