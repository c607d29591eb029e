import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import type { ServiceName } from '../support/botocore.ts'
import { LogBook } from './log-book.ts'
import { Script } from './script.ts'

/** What an image does, as processes of this machine. */
export interface ImageCommand {
  /** Of training and processing: what the image runs by itself. */
  readonly entry?: readonly string[]
  /** Of serving: what its `serve` runs; it listens on `SAGEMAKER_BIND_TO_PORT`. */
  readonly serve?: readonly string[]
  /** Variables of the image. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Tag {
  readonly Key: string
  readonly Value: string
}

/** A call as it came, and how it ended. */
export interface LoggedRequest {
  readonly service: ServiceName
  readonly operation: string
  readonly request: unknown
  /** The error's code; absent where it ended well. */
  error?: string
}

export interface FakeOptions {
  /** Of the store that channels are read from and outputs are written to. */
  readonly s3: S3Client | (() => S3Client)
  /** Images by their name. */
  readonly images?: Readonly<Record<string, ImageCommand>>
  /** How long each state lasts that only takes time, ms. */
  readonly paceMs?: number
}

/** What all families of resources share. */
export interface World {
  readonly region: string
  readonly account: string
  readonly s3: S3Client
  /** Has another store be read and written. */
  useStore(s3: S3Client): void
  readonly images: Map<string, ImageCommand>
  readonly script: Script
  readonly logs: LogBook
  /** Tags by ARN. */
  readonly tags: Map<string, Tag[]>
  readonly requests: LoggedRequest[]
  readonly paceMs: number
  /** A folder of its own for files. */
  readonly folder: string
  arn(kind: string, name: string): string
  remove(): void
}

export function makeWorld({ s3, images = {}, paceMs = 30 }: FakeOptions): World {
  const [region, account] = ['us-east-1', '123456789012']
  let store = s3
  const folder = mkdtempSync(join(tmpdir(), 'sagemaker-fake-'))
  return {
    region,
    account,
    get s3() {
      return typeof store === 'function' ? store() : store
    },
    useStore(other) {
      store = other
    },
    images: new Map(Object.entries(images)),
    script: new Script(),
    logs: new LogBook(),
    tags: new Map(),
    requests: [],
    paceMs,
    folder,
    arn: (kind, name) => `arn:aws:sagemaker:${region}:${account}:${kind}/${name}`,
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

// biome-ignore lint/suspicious/noExplicitAny: requests are held to their shapes before a family sees them.
export type Handler = (request: any) => unknown

/** Resources of one kind, with the operations on them. */
export interface Family {
  readonly service: ServiceName
  /** By name: a request that fits its shape in, an answer that fits its shape out. */
  readonly operations: Readonly<Record<string, Handler>>
  /** Of services that are no JSON: whether a request was one of its own, and is answered. */
  readonly http?: (request: IncomingMessage, response: ServerResponse, body: Buffer) => Promise<boolean>
  /** Ends what still runs. */
  readonly stop?: () => Promise<void>
}
export type FamilyMaker = (world: World) => Family

/** Seconds since 1970, as AWS's JSON has times. */
export const seconds = (): number => Date.now() / 1000
