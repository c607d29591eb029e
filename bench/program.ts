import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { program } from '../lib/definition/learners.ts'
import type { LearnerOrder, LearnerRows } from '../lib/learners/learner.ts'
import { useEnvironment } from '../lib/learners/program/environment.ts'
import { environmentOf, layOut, layoutIn } from '../lib/learners/program/layout.ts'
import { programLearner } from '../lib/learners/program/learner.ts'
import { makeUpRows } from '../lib/learners/program/made-up.ts'
import { seededRandom } from '../lib/stats/random.ts'
import { cacheHome } from '../workers/settings.ts'
import { type Figure, interleaved } from './measure.ts'

const trainer = join(packageRoot, 'examples/trainers/lightgbm')
const environments = join(cacheHome(), 'environments')
const command = ['python', 'train.py']
const features = 6
const rows = { train: 200_000, validation: 50_000 }
const rounds = 3

/**
 * Training by a program, from rows to a model that is compared with it, against its script by hand: in the same
 * environment, on files that are written already.
 */
export async function measureProgram(): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-program-'))
  const order = orderOf()
  const byHand = layoutIn(join(folder, 'by-hand'))
  try {
    cpSync(trainer, byHand.code, { recursive: true })
    await layOut(order, makeUpRows(order.inputs, order.train, order.seed), byHand)
    const made = { made: 'pip', code: byHand.code, environments, log: join(folder, 'environment.log') } as const
    const { path, release } = await useEnvironment(made, () => {})
    const { ours, theirs } = await interleaved(
      rounds,
      async (round) => {
        const root = join(folder, `ours-${round}`)
        cpSync(trainer, join(root, 'code'), { recursive: true })
        const place = { root, environments, log: join(folder, `${round}.log`) }
        await programLearner.train({ ...order, place }, () => {})
      },
      () => finished(byHand.code, environmentOf(order, byHand, path)),
    )
    release()
    return {
      what: `training by a program of LightGBM (${rows.train.toLocaleString('en')} rows x ${features}), against its script by hand`,
      ours: `${ours.toFixed(2)} s`,
      theirs: `${theirs.toFixed(2)} s`,
      ratio: ours / theirs,
      limit: 1.05,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function orderOf(): LearnerOrder<ReturnType<typeof program>> {
  const random = seededRandom(1)
  const made = (count: number): LearnerRows => {
    const columns = Array.from({ length: features }, () =>
      Float32Array.from({ length: count }, () => random() / 2 ** 32),
    )
    const chanceOf = (row: number): number =>
      columns.reduce((sum, column, i) => sum + (column[row] as number) * (i % 3), 0) / 6
    return {
      features: columns,
      labels: Float64Array.from({ length: count }, (_, row) => (random() / 2 ** 32 < chanceOf(row) ? 1 : 0)),
    }
  }
  return {
    model: 'bench',
    task: 'binary',
    seed: 1,
    threads: 2,
    parameters: program({ command, folder: '.', environment: 'pip', hyperparameters: { rounds: 200 } }),
    inputs: Array.from({ length: features }, (_, i) => ({ name: `x${i}`, kind: 'number' as const })),
    train: made(rows.train),
    validation: made(rows.validation),
  }
}

function finished(folder: string, env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, command.slice(1), { cwd: folder, env, stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the script ended with ${code}`))))
  })
}
