import { S3Client } from '@aws-sdk/client-s3'
import { usualImages } from './images.ts'
import { startFake } from './server.ts'
import type { ImageCommand } from './world.ts'

/*
 * The fake as a process of its own, with images by their names:
 * `node scripts/run.mjs test/sagemaker-fake/main.ts '{"my/image:1": {"entry": […]}}'`. It prints its address, and ends
 * with its standard input. S3_ENDPOINT and AWS's own variables say where the store is.
 */
const s3 = new S3Client({
  region: 'us-east-1',
  ...(process.env.S3_ENDPOINT !== undefined && { endpoint: process.env.S3_ENDPOINT, forcePathStyle: true }),
})
const given = process.argv[2]
const images = given === undefined ? usualImages() : (JSON.parse(given) as Record<string, ImageCommand>)
const paceMs = Number(process.env.FAKE_PACE_MS ?? 30)
const fake = await startFake({ s3, images, paceMs })
process.stdout.write(`${JSON.stringify({ address: fake.address })}\n`)
const end = async (): Promise<void> => {
  await fake.stop()
  process.exit(0)
}
process.stdin.on('end', () => void end()).resume()
process.once('SIGTERM', () => void end())
