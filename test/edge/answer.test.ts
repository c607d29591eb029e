import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { madeUpRows } from '../../lib/edge/made-up-rows.ts'
import { edgeFiles } from '../../lib/edge/manifest.ts'
import type { DecisionKind } from '../../lib/formats/decisions.ts'
import { type LocalModel, loadModel } from '../../lib/models/model.ts'
import { readRecords } from '../../lib/models/names.ts'
import { rowReader } from '../../lib/models/rows.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { folderOf, loadFolder, packOf, smallModel, withFile } from '../support/edge-packages.ts'

/** The small model with a function that answers. */
async function deciding(kind: DecisionKind, body: string): Promise<LocalModel> {
  const local = await smallModel('binary')
  const code = `module.exports.default = ({ probability }, { x, town }) => Array.from(probability, (p, i) => ${body})`
  const answerFile = join(dirname(local.codeFile), 'answer.js')
  writeFileSync(answerFile, code)
  const decision = { name: 'decide', digest: digestOf(code), host: {}, kind }
  return { ...local, answerFile, facts: { ...local.facts, decision } }
}

it.each([
  ['text', "p > 0.5 ? town[i] : 'none'"],
  ['boolean', 'p + x[i] > 1'],
  ['number', 'Math.round(p * 100) / 100'],
] as const)('a function that answers with a %s goes along, and answers the same', async (kind, body) => {
  const local = await deciding(kind, body)
  const rows = Array.from(
    { length: 500 },
    (() => {
      const made = madeUpRows(local.facts.inputs, ['Ulm', 'Kiel', 'nowhere'])
      return () => made.next().value as Record<string, unknown>
    })(),
  )
  const model = await loadModel(local)
  const { columns } = readRecords(rowReader(local.facts.inputs), rows, 'rows')
  const predictions = await model.score(columns)
  const decisions = model.decide?.(predictions, columns) as ArrayLike<unknown>
  await model.release()
  const pack = await packOf(local, 1)
  const answers = await (await loadFolder(await folderOf(pack, undefined))).predict(rows)
  expect(answers).toEqual(
    rows.map((_, row) => ({
      probability: predictions[row],
      answer: kind === 'boolean' ? decisions[row] === 1 : decisions[row],
    })),
  )
  const other = Buffer.from(
    `module.exports.default = ({ probability }) => Array.from(probability, () => ${kind === 'text' ? '"no"' : kind === 'boolean' ? 'true' : '7'})`,
  )
  const changed = await folderOf(withFile(pack, edgeFiles.answer, other), undefined)
  await expect(loadFolder(changed)).rejects.toThrow(/the answer is .* here where it was/)
})
