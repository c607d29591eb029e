import { SageMakerClient } from '@aws-sdk/client-sagemaker'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import type { ImageCommand } from '../sagemaker-fake/world.ts'
import { openTestBucket, type TestBucket } from './servers.ts'

/** A fake of SageMaker beside a bucket that it reads and writes, with clients that speak to it. */
export interface SageMakerPlace {
  readonly fake: Fake
  readonly bucket: TestBucket
  readonly clients: SageMakerClients
  stop(): Promise<void>
}

/** Where the fake is and whom it takes us for, as variables of the SDK. */
export const fakeSettings = (address: string): Record<string, string> => ({
  AWS_REGION: 'us-east-1',
  ...Object.fromEntries(
    ['SAGEMAKER', 'SAGEMAKER_RUNTIME', 'CLOUDWATCH_LOGS', 'CLOUDWATCH', 'APPLICATION_AUTO_SCALING', 'SQS'].map(
      (service) => [`AWS_ENDPOINT_URL_${service}`, address],
    ),
  ),
})

/** Has the clients of this process ask a fake. */
export function useFake({ address }: Fake): void {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'fake', AWS_SECRET_ACCESS_KEY: 'fake', ...fakeSettings(address) })
}

/** A client of somebody who looks at a fake, or works with it, beside Slipway. */
export const clientOf = ({ address }: Fake): SageMakerClient =>
  new SageMakerClient({
    region: 'us-east-1',
    endpoint: address,
    credentials: { accessKeyId: 'person', secretAccessKey: 'person' },
  })

/** A role that SageMaker takes for one. */
export const fakeRole = 'arn:aws:iam::123456789012:role/slipway-sagemaker'

/** Clients find the fake by the variables of this process, which are as they were after `stop`. */
export async function openSageMaker(images: Readonly<Record<string, ImageCommand>> = {}): Promise<SageMakerPlace> {
  const bucket = await openTestBucket()
  const fake = await startFake({ s3: bucket.store.client, images })
  const settings = { AWS_ACCESS_KEY_ID: 'fake', AWS_SECRET_ACCESS_KEY: 'fake', ...fakeSettings(fake.address) }
  const before = Object.fromEntries(Object.keys(settings).map((name) => [name, process.env[name]]))
  Object.assign(process.env, settings)
  const clients = sageMakerClients({ tries: 5_000, pause: 300 })
  return {
    fake,
    bucket,
    clients,
    async stop() {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
      clients.destroy()
      await fake.stop()
      await bucket.stop()
    },
  }
}
