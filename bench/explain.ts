import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import { type Figure, median } from './measure.ts'
import { lastLine, script } from './programs.ts'

const columns = 30
const rounds = 3

/** Explaining a row of a LightGBM model exactly, against shap's TreeExplainer, which asks LightGBM. */
export async function measureExplain(): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-explain-'))
  const python = join(await pythonEnvironment(join(packageRoot, 'bench/peers/shap-requirements.txt')), 'python')
  const shap = ['bench/peers/shap_explain.py', '--folder', folder, '--columns', String(columns)]
  try {
    lastLine(python, [...shap, '--train', '200', '31'])
    const [ours, theirs] = [[] as number[], [] as number[]]
    for (let round = 0; round < rounds; round++) {
      theirs.push(lastLine<{ us: number }>(python, shap).us)
      const { us, largest } = script<{ us: number; largest: number }>('explain-row.ts', folder, String(columns))
      if (largest > 1e-6) throw new Error(`parts differ from those of shap by ${largest}`)
      ours.push(us)
    }
    const show = (us: number): string => `${Math.round(us)} µs`
    return {
      what: 'a row of 200 trees of 31 leaves, 30 features, explained, against shap',
      ours: show(median(ours)),
      theirs: show(median(theirs)),
      ratio: median(ours) / median(theirs),
      limit: 0.1,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
