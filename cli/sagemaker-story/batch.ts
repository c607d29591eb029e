import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Document } from './place.ts'
import { type Scene, times } from './runs.ts'
import { until } from './until.ts'

const date = '2001-06-01'

/** The same rows scored here and by a transform job, whose worker is killed. */
export async function score({ fake, place, telling }: Scene): Promise<void> {
  telling.chapter('6. A batch is scored by a transform job, and the worker is killed meanwhile')
  const batch = async (name: string): Promise<Document> => {
    const { code, document, said } = await place.begin('batch', 'loans', name, '--date', date).result
    if (code !== 0) throw new Error(`the batch ${name} ended with ${code}: ${said.trim().split('\n').at(-1)}`)
    return document
  }
  const here = await batch('here')
  telling.fact(`scored by our own worker: ${here.rows.scored} rows`)
  // Quick as the fake is, nobody could kill anybody meanwhile.
  await fake.tell('behaviours', { resource: 'transform-job', does: 'is slow', ms: 4_000 })
  const going = batch('there')
  const name = await until(
    'a transform job',
    async () => (await fake.log('CreateTransformJob')).at(-1)?.request.TransformJobName as string | undefined,
    going,
  )
  const describe = () => fake.call('DescribeTransformJob', { TransformJobName: name })
  telling.fact(`transform job ${name}: ${(await describe()).TransformJobStatus}`)
  const { killed, next } = await place.killWorker()
  const { TransformJobStatus: meanwhile } = await describe()
  telling.fact(
    `worker ${killed} killed by SIGKILL; the job is ${meanwhile}, and worker ${next} starts`,
    meanwhile === 'InProgress',
  )
  const there = await going
  const creations = (await fake.log('CreateTransformJob')).length
  telling.fact(
    `the job is ${(await describe()).TransformJobStatus}: ${there.rows.scored} rows; ${times(creations, 'CreateTransformJob')} in SageMaker’s log book`,
    creations === 1 && there.rows.scored === here.rows.scored,
  )
  const [own, theirs] = ['here', 'there'].map((folder) => digestOf(join(place.root, folder, date)))
  telling.fact(`scores made here:  sha256 ${own}`)
  telling.fact(`scores made there: sha256 ${theirs}`, own === theirs)
}

/** Of the files with scores in a folder, one after the other. */
function digestOf(folder: string): string {
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.parquet'))
  if (files.length === 0) throw new Error(`there are no scores in ${folder}`)
  for (const file of files.sort()) hash.update(readFileSync(join(folder, file)))
  return hash.digest('hex')
}
