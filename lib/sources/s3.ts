import type { Readable } from 'node:stream'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import picomatch from 'picomatch'
import { SlipwayError } from '../formats/errors.ts'
import { partitionOf } from '../formats/shards.ts'
import { compressionOf } from '../formats/table-format.ts'
import { listObjects } from '../store/documents.ts'
import { bodyOf } from '../store/long-calls.ts'
import { parseS3 } from '../store/s3-address.ts'
import { atBucket, isMissing, type Store, statusOf, storeError } from '../store/store.ts'
import { byDay } from './by-day.ts'
import { fixedPart, isData, isGlob, patternOf, splitPattern } from './patterns.ts'
import { ofStore, resuming } from './resuming.ts'
import type { FoundFile, Source } from './source.ts'

/**
 * Objects of the store's own S3 server, in whatever bucket its credentials may read: one, a prefix that ends with a
 * slash, or a glob. Their versions are ETags.
 */
export function s3Source(store: Store): Source {
  return {
    name: 'S3',
    schemes: ['s3'],
    find: byDay((uri) => {
      const { bucket, key } = parseS3(uri)
      const pattern = patternOf(key)
      const place = atBucket(store, bucket)
      return isGlob(pattern) ? findMatching(place, pattern, uri) : findOne(place, key, uri)
    }),
    async open(file) {
      const { bucket, key } = parseS3(file.uri)
      return resuming(file, (from) => openObject(atBucket(store, bucket), key, file, from), ofStore)
    },
  }
}

async function findOne(place: Store, key: string, uri: string): Promise<FoundFile[]> {
  const head = await place.client
    .send(new HeadObjectCommand({ Bucket: place.bucket, Key: key }))
    .catch((error: unknown) => {
      if (isMissing(error)) throw nothingAt(uri)
      throw storeError(place, error, key)
    })
  return [foundObject(place.bucket, key, head.ContentLength ?? 0, head.ETag)]
}

async function findMatching(place: Store, pattern: string, uri: string): Promise<FoundFile[]> {
  const { folder, rest } = splitPattern(pattern)
  const matches = picomatch(rest)
  const objects = await listObjects(place, fixedPart(pattern)).catch((error) => {
    if (!(error instanceof SlipwayError && error.code === 'OBJECT_MISSING')) throw error
    throw new SlipwayError('SOURCE_MISSING', `there is no bucket "${place.bucket}" (${uri})`, {
      next: 'check the name of the bucket',
    })
  })
  const files = objects.flatMap(({ Key = '', Size = 0, ETag }) =>
    matches(Key.slice(folder.length)) && !Key.endsWith('/') && isData(Key.slice(folder.length))
      ? [foundObject(place.bucket, Key, Size, ETag)]
      : [],
  )
  if (files.length === 0) throw nothingAt(uri)
  return files
}

function foundObject(bucket: string, key: string, size: number, etag: string | undefined): FoundFile {
  const uri = `s3://${bucket}/${key}`
  return {
    uri,
    name: uri,
    size,
    version: etag ?? null,
    digest: null,
    compression: compressionOf(key),
    partition: partitionOf(key),
  }
}

async function openObject(place: Store, key: string, file: FoundFile, from: number): Promise<Readable> {
  const range = from === 0 ? {} : { Range: `bytes=${from}-` }
  const given = file.version === null ? {} : { IfMatch: file.version }
  const answer = await place.client
    .send(new GetObjectCommand({ Bucket: place.bucket, Key: key, ...given, ...range }))
    .catch((error: unknown) => {
      // 416: it became shorter than what was read of it.
      if ([404, 412, 416].includes(statusOf(error) ?? 0)) throw changed(file)
      throw storeError(place, error, key)
    })
  if (file.size !== null && answer.ContentLength !== file.size - from) throw changed(file)
  return bodyOf(answer)
}

const nothingAt = (uri: string): SlipwayError =>
  new SlipwayError('SOURCE_MISSING', `no file is at "${uri}"`, {
    next: 'check the address, and that the data of that day has arrived; for all files of a folder end it with a slash',
  })

const changed = ({ name }: FoundFile): SlipwayError =>
  new SlipwayError('SOURCE_CHANGED', `${name} was changed or removed since it was found`, {
    next: 'the same again: the file is taken as it is then',
  })
