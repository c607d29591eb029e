import { readFileSync } from 'node:fs'
import { trees as learner } from '../lib/definition/learners.ts'
import { measureRows } from '../lib/formats/metrics/index.ts'
import { ofSeveralClasses } from '../lib/formats/metrics/multiclass.ts'
import { areaUnderRoc } from '../lib/formats/metrics/ranking.ts'
import { boost, type Dataset } from '../lib/learners/trees/boost.ts'
import { predict } from '../lib/learners/trees/ensemble.ts'
import { crossReader, fitCross } from '../lib/stats/crosses.ts'

/*
 * Trains the built-in learner, 200 trees of 31 leaves on two threads: train-trees.ts <train> <test> [crosses=0-4,0-5]
 * [sets=4,5] [classes=4 trees=50]. Rows are float32s: <name>.columns.f32 column after column, <name>.labels.f32;
 * columns named as sets hold categories. Prints seconds and processor seconds of training, peak megabytes, and AUC on
 * the test rows; of several classes their log loss there.
 */
const [trainFile = '', testFile = '', ...options] = process.argv.slice(2)
const listed = (option: string): string[] =>
  options.flatMap((each) => (each.startsWith(`${option}=`) ? each.slice(option.length + 1).split(',') : []))

function read(name: string): Dataset {
  const raw = (file: string): Float32Array => {
    const bytes = readFileSync(`${name}.${file}.f32`)
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  }
  const [all, labels] = [raw('columns'), raw('labels')]
  const rows = labels.length
  return {
    features: Array.from({ length: all.length / rows }, (_, c) => all.subarray(c * rows, (c + 1) * rows)),
    labels,
  }
}

const named = ({ features }: Dataset): Record<string, Float32Array> =>
  Object.fromEntries(features.map((values, i) => [String(i), values]))

const data = read(trainFile)
const none: Dataset = { features: data.features.map(() => new Float32Array(1)), labels: new Float32Array(1) }
const cpu = process.cpuUsage()
const start = performance.now()
const crosses = listed('crosses').map((cross) => cross.split('-'))
const sets = listed('sets').map(Number)
const categories = data.features.map((values, i) =>
  sets.includes(i) ? values.reduce((most, code) => Math.max(most, code), 0) + 1 : undefined,
)
const fitted = crosses.map((of, i) => fitCross(of, named(data), data.labels, i))
const wider = {
  features: [...data.features, ...fitted.map(({ values }) => values)],
  labels: data.labels,
  categories,
}
const validation = { ...none, features: wider.features.map(() => new Float32Array(1)) }
const [classes = 0, trees = 200] = [...listed('classes'), ...listed('trees')].map(Number)
const { ensemble } = boost(
  classes > 0 ? 'multiclass' : 'binary',
  { train: wider, validation },
  learner({ trees, leaves: 31 }),
  { threads: 2, classes: classes || undefined },
)
const { user, system } = process.cpuUsage(cpu)
const seconds = (performance.now() - start) / 1000
const peak = process.resourceUsage().maxRSS / 1024
const test = read(testFile)
const made = crossReader(fitted.map(({ cross }) => cross))(named(test))
const features = [...test.features, ...fitted.map(({ cross }) => made[cross.name] as Float32Array)]
const predictions = predict(ensemble, features, test.labels.length)
const scored = { predictions, labels: Float64Array.from(test.labels) }
const quality =
  classes > 0
    ? { logLoss: measureRows({ better: 'smaller', ...ofSeveralClasses.logLoss }, scored) }
    : { auc: areaUnderRoc(scored) }
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, peakRssMb: peak, ...quality }))
process.exit(0)
