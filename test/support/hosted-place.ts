import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { InvokeEndpointAsyncCommand, InvokeEndpointCommand } from '@aws-sdk/client-sagemaker-runtime'
import { packageRoot } from '../../lib/code/host.ts'
import type { SageMakerHosting } from '../../lib/formats/hosting.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import type { ReadCaptured } from '../../lib/formats/sagemaker-capture.ts'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { paceOf } from '../../lib/targets/sagemaker/pace.ts'
import { sageMakerTarget } from '../../lib/targets/sagemaker/target.ts'
import type { Target } from '../../lib/targets/target.ts'
import { read } from '../sagemaker-fake/buckets.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { fakeRole, useFake } from './sagemaker.ts'
import { openTestBucket, type TestBucket } from './servers.ts'

/** What a stand-in of a model does. */
export interface StandIn {
  /** Share of requests that it fails. */
  readonly failing?: number
  readonly slowMs?: number
  readonly score?: number
  readonly startsNot?: boolean
}

/** The SageMaker target on a fake of SageMaker, with stand-ins for models. */
export interface HostedPlace {
  readonly server: TestBucket
  readonly fake: Fake
  readonly clients: SageMakerClients
  readonly target: Target
  /** A version whose model does as it is told. */
  version(number: number, does?: StandIn, hosting?: Partial<SageMakerHosting>): ModelVersion
  /** Asks an endpoint once. @returns the variant that answered; undefined where it failed */
  ask(endpoint: string, variant?: string): Promise<string | undefined>
  /** Asks an asynchronous endpoint once. @returns what it wrote, when it has */
  askLater(endpoint: string): Promise<string>
  stop(): Promise<void>
}

export const testImage = 'stand-in:1'

/** @param readCaptured reads what is captured; stand-ins have no rows */
export async function openHostedPlace(readCaptured?: ReadCaptured): Promise<HostedPlace> {
  const server = await openTestBucket()
  const { store } = server
  const command = [process.execPath, join(packageRoot, 'test/support/stand-in-model.mjs')]
  const fake = await startFake({ s3: store.client, images: { [testImage]: { serve: command } } })
  useFake(fake)
  const clients = sageMakerClients({ tries: 2_000 })
  const behaviours = new Map<string, StandIn>()
  const target = sageMakerTarget({
    store,
    clients,
    readCaptured,
    pace: { ...paceOf({ SLIPWAY_SAGEMAKER_PERIOD_MS: '1000' }), finalMs: 300, everyMs: 50, settleMs: 500 },
    async archive({ digest }) {
      const key = `sagemaker/models/${digest.slice(7)}/model.tar.gz`
      await store.client.send(
        new PutObjectCommand({ Bucket: store.bucket, Key: key, Body: archiveOf(behaviours.get(digest) ?? {}) }),
      )
      return `s3://${store.bucket}/${key}`
    },
  })
  return {
    server,
    fake,
    clients,
    target,
    version(number, does = {}, hosting = {}) {
      const digest = `sha256:${number.toString(16).padStart(64, '0')}` as const
      behaviours.set(digest, does)
      const given = {
        kind: 'sagemaker' as const,
        image: testImage,
        role: fakeRole,
        instance: 'ml.m5.large',
        ...hosting,
      }
      return { model: 'loans', version: number, digest, hosting: given }
    },
    async ask(endpoint, variant) {
      const command = new InvokeEndpointCommand({
        EndpointName: endpoint,
        ContentType: 'application/json',
        Body: JSON.stringify({ instances: [{ income: 1 }] }),
        TargetVariant: variant,
      })
      const answer = await clients.runtime.send(command).catch(() => undefined)
      return answer?.InvokedProductionVariant
    },
    async askLater(endpoint) {
      const Key = `questions/${endpoint}.json`
      const Body = JSON.stringify({ instances: [{ income: 1 }] })
      await store.client.send(new PutObjectCommand({ Bucket: store.bucket, Key, Body }))
      const { OutputLocation = '' } = await clients.runtime.send(
        new InvokeEndpointAsyncCommand({
          EndpointName: endpoint,
          InputLocation: `s3://${store.bucket}/${Key}`,
          ContentType: 'application/json',
        }),
      )
      for (;;) {
        const answer = await read(store.client, OutputLocation).catch(() => undefined)
        if (answer !== undefined) return answer.toString('utf8')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async stop() {
      await fake.stop()
      clients.destroy()
      await server.stop()
    },
  }
}

function archiveOf(does: StandIn): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'stand-in-'))
  try {
    writeFileSync(join(folder, 'behaviour.json'), JSON.stringify(does))
    execFileSync('tar', ['-czf', join(folder, 'model.tar.gz'), '-C', folder, 'behaviour.json'])
    return readFileSync(join(folder, 'model.tar.gz'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
