import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Attacked, type AttackedProcess, openAttacked } from '../support/attacked.ts'

/** A file system that is mounted for it: root may. */
const disk = mkdtempSync(join(tmpdir(), 'slipway-small-disk-'))
const megabytes = 64
let place: Attacked
let worker: AttackedProcess

const isRoot = process.getuid?.() === 0
if (!isRoot) process.stdout.write('not run: a small disk is mounted by root only\n')

beforeAll(async () => {
  if (!isRoot) return
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk])
  for (const folder of ['scratch', 'cache']) mkdirSync(join(disk, folder))
  place = await openAttacked()
  worker = startWorker()
  const first = await place.run(['run', 'loans', '--wait', '--json'])
  expect(first, first.stderr).toMatchObject({ code: 0 })
})
afterEach(() => empty())
afterAll(async () => {
  await place?.close()
  if (isRoot) execFileSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

/** Fills the disk to its last block. */
function fill(): void {
  const { bavail, bsize } = statfsSync(disk)
  try {
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize))
  } catch {
    // Somebody else took a block meanwhile.
  }
}
const empty = (): void => rmSync(join(disk, 'filler'), { force: true })

/** Waits until the worker has said something anew, or it or a command has ended without it. */
async function untilSaid(what: RegExp, from: number, ended: Promise<unknown>): Promise<void> {
  let isOver = false
  void Promise.race([ended, worker.ended]).then(() => {
    isOver = true
  })
  while (!isOver && !what.test(worker.said().slice(from))) await new Promise((resolve) => setTimeout(resolve, 100))
}
const startWorker = () => place.startWorker({ TMPDIR: join(disk, 'scratch'), SLIPWAY_CACHE: join(disk, 'cache') })
const begin = (...args: string[]) => place.begin(['run', 'loans', '--wait', '--json', ...args]).result

it.skipIf(!isRoot)(
  'a run whose worker has a full disk goes on when there is room, and leaves nothing behind',
  async () => {
    const before = readdirSync(join(disk, 'scratch'))
    const said = worker.said().length
    fill()
    const running = begin('--set', 'trees=31')
    await untilSaid(/ENOSPC|no space left|the disk is full/i, said, running)
    const files = readdirSync(join(disk, 'cache'), { recursive: true }).filter((name) => String(name).endsWith('.part'))
    empty()
    const { code, stderr, stdout } = await running
    expect(code, `${stderr}${stdout}`).toBe(0)
    expect(files).toEqual([])
    expect(worker.said().slice(said)).toMatch(new RegExp(`DISK_FULL|the disk is full in ${disk}`))
    expect(readdirSync(join(disk, 'scratch'))).toEqual(before)
  },
)

it.skipIf(!isRoot)('a batch whose worker has a full disk goes on when there is room', async () => {
  const said = worker.said().length
  rmSync(join(disk, 'cache'), { recursive: true })
  mkdirSync(join(disk, 'cache'))
  fill()
  const table = ['batch', 'score', 'credit', '--from', 'data/loans.parquet', '--to', 'out/']
  const running = place.begin(table).result
  await untilSaid(/ENOSPC|no space left|the disk is full/i, said, running)
  empty()
  const { code, stderr, stdout } = await running
  expect(code, `${stderr}${stdout}`).toBe(0)
  expect(worker.said().slice(said)).toMatch(/DISK_FULL|the disk is full in /)
  expect(readdirSync(join(place.project.root, 'out'))).toContain('_SUCCESS')
})

it.skipIf(!isRoot)('a run whose worker may open no more files goes on when it may', async () => {
  const said = worker.said().length
  const open = readdirSync(`/proc/${worker.pid}/fd`).length
  execFileSync('prlimit', ['--pid', String(worker.pid), `--nofile=${open}:`])
  const running = begin('--set', 'trees=37')
  await untilSaid(/EMFILE|too many (open )?files|Failed to initialize uv loop/i, said, running)
  const hit = worker.said().slice(said)
  // Node ends a process that cannot watch over a workflow task; whoever keeps workers alive starts another one.
  if (hit.includes('Failed to initialize uv loop')) {
    await worker.ended
    worker = startWorker()
  } else {
    expect(hit).toMatch(/TOO_MANY_FILES|too many files are open/)
    execFileSync('prlimit', ['--pid', String(worker.pid), '--nofile=4096:'])
  }
  const { code, stderr, stdout } = await running
  expect(code, `${stderr}${stdout}`).toBe(0)
})
