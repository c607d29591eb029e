import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { program } from '../../lib/definition/learners.ts'
import type { Learned, LearnerOrder } from '../../lib/learners/learner.ts'
import { programLearner } from '../../lib/learners/program/learner.ts'
import { canListProcesses, markVariable } from '../../lib/learners/program/processes.ts'
import { foreignGraph } from '../support/foreign-graph.ts'
import { eventually } from '../support/gateways.ts'
import { placeFor, type TestPlace } from '../support/programs.ts'

/*
 * Programs that do what programs do: fail, hang, write too much, leave others behind. Whatever it is, it is said in
 * words, and nothing of them goes on.
 */

type Options = Parameters<typeof program>[0]
const rows = {
  features: [Float32Array.of(1, 2, Number.NaN), Float32Array.of(0, 1, Number.NaN)],
  labels: Float64Array.of(0, 1, 1),
}
const inputs: LearnerOrder<unknown>['inputs'] = [
  { name: 'x', kind: 'number' },
  { name: 'town', kind: 'category', categories: ['Ulm', 'Bonn, Beuel'] },
]

let place: TestPlace
const mine = (): string[] => processesWith(place.root)
afterEach(() => {
  expect(mine()).toEqual([])
  place.remove()
})

/** Carries a shell script out as a program. */
async function train(
  script: string,
  options: Partial<Options> = {},
  files: Record<string, string> = {},
  over: Partial<ReturnType<typeof program>> = {},
): Promise<Learned> {
  place = placeFor({ 'train.sh': `#!/bin/sh\n${script}\n`, ...files }, 300)
  const parameters = { ...program({ command: ['./train.sh'], folder: '.', ...options }), ...over }
  const order = { model: 'made-up', task: 'binary' as const, seed: 7, threads: 1, train: rows, validation: rows }
  return programLearner.train({ ...order, inputs, parameters, place }, () => {})
}

/** What a program ends in. */
async function failure(...given: Parameters<typeof train>): Promise<{ code: string; message: string; next: string }> {
  const error = await train(...given).then(
    () => ({ code: 'nothing failed', message: '', facts: { next: '' } }),
    (error) => error,
  )
  return { code: error.code, message: error.message, next: error.facts.next }
}

/** Processes that work in a folder, by what they run. */
function processesWith(folder: string): string[] {
  if (!canListProcesses) return []
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const isOurs = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder)
      const isAlive = !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
      return isOurs && isAlive ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')] : []
    } catch {
      return []
    }
  })
}

const graph = Buffer.from(foreignGraph({ columns: 2, answer: 'probabilities' })).toString('base64')
const writeModel = `echo ${graph} | base64 -d > $SM_MODEL_DIR/model.onnx`
const writePredictions = [
  'printf "0.5\\n0.5\\n0.5\\n" > $SM_OUTPUT_DATA_DIR/predictions.csv',
  'tail -n +2 $SM_CHANNEL_PARITY/parity.csv | sed "s/.*/0.5/" > $SM_OUTPUT_DATA_DIR/parity.csv',
].join('; ')

describe('a program that ends badly', () => {
  it('says in its failure file why', async () => {
    const { code, message } = await failure('echo "no such column: x" > $SM_OUTPUT_DIR/failure; exit 1')
    expect(code).toBe('PROGRAM_FAILED')
    expect(message).toBe('./train.sh ended with exit code 1: no such column: x')
  })

  it('is told by the last lines of its log where it wrote no such file', async () => {
    const { message } = await failure('echo one; echo two >&2; exit 3')
    expect(message).toMatch(/ended with exit code 3: \n\S+Z out one\n\S+Z err two$/)
  })

  it('is told by its signal', async () => {
    expect((await failure('kill -SEGV $$')).message).toContain('was ended by SIGSEGV')
  })

  it('is not begun where there is no such program', async () => {
    expect(await failure('', { command: ['no-such-program'] })).toMatchObject({
      code: 'PROGRAM_FAILED',
      message: `there is no "no-such-program" on this worker's PATH`,
    })
    expect((await failure('', { command: ['./missing.sh'] })).message).toContain('in its folder')
  })
})

describe('a program that goes past its bounds', () => {
  it('is ended when it hangs, with its children', async () => {
    const { code, message } = await failure('sleep 1000 & sleep 1000', { timeout: '0.5s' })
    expect(code).toBe('PROGRAM_LIMIT')
    expect(message).toBe('./train.sh took more than 0.5 s (timeout), and was ended')
  })

  it('is ended also when it ignores that it is asked to', async () => {
    const { code } = await failure('trap "" TERM; while :; do sleep 0.1; done', { timeout: '0.5s' })
    expect(code).toBe('PROGRAM_LIMIT')
  })

  it('may end in order when it is asked to, and is late all the same', async () => {
    const { code } = await failure('trap "echo saved; exit 0" TERM; while :; do sleep 0.05; done', { timeout: '0.5s' })
    expect(code).toBe('PROGRAM_LIMIT')
    expect(place.readLog()).toContain('out saved')
  })

  it('is ended when it fills the disk with many files', async () => {
    const many = 'i=0; while :; do i=$((i+1)); head -c 400000 /dev/zero > $TMPDIR/$i; sleep 0.01; done'
    const { code, message } = await failure(many, { disk: '5MB' })
    expect([code, message]).toEqual(['PROGRAM_LIMIT', './train.sh wrote more than 5 MB of files (disk), and was ended'])
  })

  it('cannot write one file that is larger than what it may write', async (context) => {
    if (!hasPrlimit) return context.skip('there is no prlimit')
    const { code } = await failure('exec head -c 50000000 /dev/zero > $TMPDIR/one', { disk: '5MB' })
    expect(code).toBe('PROGRAM_LIMIT')
    expect(statSync(join(place.root, 'tmp/one')).size).toBeLessThanOrEqual(5_000_000)
  })

  it('is ended when it and its children take too much memory', async (context) => {
    if (!canListProcesses) return context.skip('processes cannot be listed')
    const hoard = 'const held = []; setInterval(() => held.push(Buffer.alloc(4e6, 1)), 10)'
    const { code, message } = await failure('node hoard.js & node hoard.js', { memory: '400MB' }, { 'hoard.js': hoard })
    // Whoever comes first: what they take together, or what the kernel lets one of them have.
    expect(['PROGRAM_LIMIT', 'PROGRAM_FAILED']).toContain(code)
    if (code === 'PROGRAM_LIMIT') expect(message).toContain('took more than 400 MB of memory (memory)')
  })

  it('is ended when it takes too much processor time', async (context) => {
    if (!hasPrlimit) return context.skip('there is no prlimit')
    const { code, message } = await failure('exec node -e "for (;;);"', { processorTime: '1s' })
    expect(code).toBe('PROGRAM_LIMIT')
    expect(message).toContain('1 s of processor time')
  })

  it('may say as much as it likes: its log keeps the beginning and the end', async () => {
    await train(
      `echo first; yes "${'y'.repeat(200)}" | head -c 20000000; echo; echo last; ${writeModel}; ${writePredictions}`,
    )
    const log = place.readLog()
    expect(log.length).toBeLessThanOrEqual(4_100_000)
    expect(log).toMatch(/^\S+Z out first\n/)
    expect(log.trimEnd()).toMatch(/out last$/)
    expect(log).toMatch(/--- \d{4,} lines were left out here ---/)
  })

  it('may write a line without an end', async () => {
    await train(`head -c 9000000 /dev/zero | tr '\\0' x; ${writeModel}; ${writePredictions}`)
    expect(
      place
        .readLog()
        .split('\n')
        .every((line) => line.length < 5_000),
    ).toBe(true)
  })
})

const hasPrlimit = ((): boolean => {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

describe('a program that leaves others behind', () => {
  it('is done without them: they are ended', async () => {
    await train(`sleep 1000 & ${writeModel}; ${writePredictions}`)
    expect(place.readLog()).toContain('1 processes were left behind and ended')
  })

  it('is done without those either that left its group and its session', async (context) => {
    if (!canListProcesses) return context.skip('processes cannot be listed')
    await train(`setsid sleep 1000 < /dev/null > /dev/null 2>&1 & sleep 0.3; ${writeModel}; ${writePredictions}`)
    expect(place.readLog()).toContain('1 processes were left behind and ended')
  })
})

describe('what a program hands over', () => {
  it.each([
    ['no model', writePredictions, 'left no model.onnx'],
    ['no predictions', writeModel, 'handed over no predictions.csv'],
    [
      'too few predictions',
      `${writeModel}; echo 0.5 > $SM_OUTPUT_DATA_DIR/predictions.csv`,
      'has 1 lines for 3 validation rows',
    ],
    [
      'what is no number',
      `${writeModel}; printf "0.5\\nnan\\n0.5\\n" > $SM_OUTPUT_DATA_DIR/predictions.csv`,
      'says "nan" of row 2',
    ],
    [
      'what is no ONNX',
      `echo hello > $SM_MODEL_DIR/model.onnx; ${writePredictions}`,
      'model.onnx: this is no ONNX model',
    ],
    [
      'no predictions for the rows that are made up',
      `${writeModel}; ${writePredictions}; rm $SM_OUTPUT_DATA_DIR/parity.csv`,
      'handed over no parity.csv',
    ],
    [
      'too few of these',
      `${writeModel}; ${writePredictions}; echo 0.5 > $SM_OUTPUT_DATA_DIR/parity.csv`,
      'parity.csv has 1 lines for 1024 rows of the channel "parity"',
    ],
    [
      'words among these',
      `${writeModel}; ${writePredictions}; sed -i "3s/.*/much/" $SM_OUTPUT_DATA_DIR/parity.csv`,
      'parity.csv says "much" of row 3',
    ],
    ['an empty model', `: > $SM_MODEL_DIR/model.onnx; ${writePredictions}`, 'model.onnx: it is empty (0 bytes)'],
  ])('is refused: %s', async (_, script, words) => {
    const { code, message, next } = await failure(script)
    expect([code, message]).toEqual(['PROGRAM_FAILED', expect.stringContaining(words)])
    expect(next).toMatch(/\w/)
  })

  it('is refused where the model takes another input than there is, with both', async () => {
    const other = Buffer.from(foreignGraph({ columns: 5, answer: 'probabilities' })).toString('base64')
    const script = `echo ${other} | base64 -d > $SM_MODEL_DIR/model.onnx; ${writePredictions}`
    const { message, next } = await failure(script)
    expect(message).toBe('model.onnx: its input "X" has 5 columns, and 2 features would feed it: x, town')
    expect(next).toBe('export it with a column a feature, in the order of columns.json')
  })

  it('needs no predictions where it says that it hands over none', async () => {
    const { predictions, report } = await train(writeModel, { predictions: false })
    expect(predictions).toHaveLength(3)
    expect(report.words?.training).toContain('its export was compared with nothing')
  })

  it('needs none for rows that are made up where it says so, or where its plan is older than they are', async () => {
    const { report } = await train(`${writeModel}; ${writePredictions}`, { predictions: 'validation' })
    expect(report.madeUp).toBeUndefined()
    expect(report.words?.training).toContain('compared on the validation rows only')
    place.remove()
    const without = `${writeModel}; ${writePredictions}; rm $SM_OUTPUT_DATA_DIR/parity.csv`
    const older = await train(without, {}, {}, { madeUp: undefined })
    expect(older.report.madeUp).toBeUndefined()
  })

  it('is compared on rows that are made up where it predicts a number for them', async () => {
    const said = `${writeModel}; ${writePredictions}; cd $SM_OUTPUT_DATA_DIR; sed -i "1s/.*/nan/; 2s/.*//; 3s/.*/-inf/" parity.csv`
    const { report } = await train(said)
    expect(report.madeUp).toEqual({ rows: 1_021, largest: expect.any(Number) })
    expect(report.madeUp?.largest).toBeGreaterThan(0.01)
  })

  it('are metrics too, the last value of each', async () => {
    const metrics = { auc: 'auc=([0-9.]+)', loss: '"loss": ([-0-9.e]+)', never: 'never=(\\d+)' }
    const said = `echo "auc=0.5"; echo "auc=0.75 of 1"; echo '{"loss": 1e-2}' >&2; printf 'bar\\rauc=0.8'`
    const learned = await train(`${said}; ${writeModel}; ${writePredictions}`, { metrics })
    expect(learned.said).toEqual({ auc: 0.8, loss: 0.01 })
  })
})

describe('what a program is given', () => {
  it('is its channels, in the precision of the model', async () => {
    await train(`${writeModel}; ${writePredictions}`)
    expect(readFileSync(join(place.root, 'input/data/train/train.csv'), 'utf8')).toBe(
      'x,town,label\n1,Ulm,0\n2,"Bonn, Beuel",1\n,,1\n',
    )
  })

  it('is its configuration, hyperparameters as texts', async () => {
    await train(`${writeModel}; ${writePredictions}`, {
      hyperparameters: { depth: 3, rate: 0.1, fast: true, by: 'gain' },
    })
    const config = (name: string) => JSON.parse(readFileSync(join(place.root, 'input/config', name), 'utf8'))
    expect(config('hyperparameters.json')).toEqual({ depth: '3', rate: '0.1', fast: 'true', by: 'gain' })
    expect(Object.keys(config('inputdataconfig.json'))).toEqual(['train', 'validation', 'parity'])
    expect(config('resourceconfig.json')).toMatchObject({ current_host: 'algo-1', hosts: ['algo-1'] })
    expect(config('columns.json')).toEqual({ task: 'binary', seed: 7, label: 'label', features: inputs })
  })

  it('is an environment without anything of ours that could be a secret', async () => {
    process.env.AWS_SECRET_ACCESS_KEY ??= 'not for programs'
    process.env.SLIPWAY_SIGNING_KEY_TEST = 'not for programs'
    onTestFinished(() => void delete process.env.SLIPWAY_SIGNING_KEY_TEST)
    await train(`env > $SM_OUTPUT_DIR/env; ${writeModel}; ${writePredictions}`, { hyperparameters: { 'max-depth': 3 } })
    const lines = readFileSync(join(place.root, 'output/env'), 'utf8').trimEnd().split('\n')
    const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)))
    expect(
      Object.keys(env)
        .filter((name) => !/^(SM_|LANG$|LC_)/.test(name))
        .sort(),
    ).toEqual(
      [
        ...[
          'HOME',
          'OLDPWD',
          'OMP_NUM_THREADS',
          'PATH',
          'PWD',
          'PYTHONHASHSEED',
          'PYTHONUNBUFFERED',
          'SAGEMAKER_BASE_DIR',
        ],
        ...[markVariable, 'SLIPWAY_SEED', 'SLIPWAY_TASK', 'TMPDIR', 'TZ', '_', 'SHLVL', 'LD_LIBRARY_PATH'],
      ]
        .filter((name) => name in env)
        .sort(),
    )
    expect(env).toMatchObject({
      SM_MODEL_DIR: join(place.root, 'model'),
      SM_CHANNEL_TRAIN: join(place.root, 'input/data/train'),
      SM_HPS: '{"max-depth":3}',
      SM_HP_MAX_DEPTH: '3',
      SLIPWAY_SEED: '7',
      HOME: join(place.root, 'home'),
    })
    expect(JSON.stringify(env)).not.toContain('not for programs')
  })
})

describe('a program whose worker is gone', () => {
  it('is ended with all it started, and its files are removed, when the thread that wants it is ended', async () => {
    const { Worker } = await import('node:worker_threads')
    place = placeFor({ 'train.sh': '#!/bin/sh\ntrap "" TERM\nsleep 1000 & sleep 1000; sleep 1000' }, 300)
    const thread = new Worker(await guardedScript(place), { eval: true })
    await eventually(() => mine().length >= 2)
    await thread.terminate()
    await eventually(() => mine().length === 0 && !existsSync(place.root))
  })

  it('is ended when the process that wants it is killed', async () => {
    const { spawn } = await import('node:child_process')
    place = placeFor({ 'train.sh': '#!/bin/sh\ntrap "" TERM\nsleep 1000 & sleep 1000; sleep 1000' }, 300)
    const worker = spawn(process.execPath, ['-e', await guardedScript(place)], { stdio: 'ignore' })
    await eventually(() => mine().length >= 2)
    worker.kill('SIGKILL')
    await eventually(() => mine().length === 0 && !existsSync(place.root))
  })
})

/** A script that has a guard run a program, as CommonJS. */
async function guardedScript({ root, log }: TestPlace): Promise<string> {
  const { build } = await import('esbuild')
  const { packageRoot } = await import('../../lib/code/host.ts')
  const contents = `
    import { runGuarded } from './lib/learners/program/guarded.ts'
    const { root, log } = ${JSON.stringify({ root, log })}
    const order = { command: ['./train.sh'], workingFolder: root + '/code', env: { PATH: process.env.PATH, PLACE: root } }
    runGuarded({ ...order, folder: root, log: { file: log, bytes: 1e5, metrics: [] }, limits: {}, graceMs: 300 }, () => {})`
  const options = { bundle: true, write: false, platform: 'node', format: 'cjs', target: 'node20' } as const
  const banner = { js: `const importMetaUrl = ${JSON.stringify(`file://${packageRoot}/lib/code/host.ts`)};` }
  const { outputFiles } = await build({
    ...options,
    stdin: { contents, resolveDir: packageRoot, loader: 'ts' },
    define: { 'import.meta.url': 'importMetaUrl' },
    banner,
  })
  return outputFiles[0]?.text ?? ''
}
