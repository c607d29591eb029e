import { createReadStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { DeleteObjectsCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { SlipwayError } from '../formats/errors.ts'
import { listKeys } from '../store/documents.ts'
import { bodyOf } from '../store/long-calls.ts'
import { writeHashed } from '../store/objects.ts'
import { isMissing, readWhole, type Store, storeError } from '../store/store.ts'

/** Files larger than this go up in parts (bytes). */
const multipartFrom = 32 * 1024 * 1024
/** Objects that one call deletes. */
const deletedAtOnce = 1_000

/**
 * A place in the store's own bucket that SageMaker reads from and writes to: below `sagemaker/`, and nothing there is
 * needed once its work is done. What must be kept is stored by digest like everything else.
 */
export interface Staging {
  /** `s3://bucket/sagemaker/…`, without a slash at its end. */
  readonly uri: string
  put(name: string, content: string | Uint8Array): Promise<void>
  putFile(name: string, file: string): Promise<void>
  /** All names below, from here. */
  list(): Promise<string[]>
  /**
   * Fetches an object into a file.
   * @param mostBytes it may have
   * @returns its digest; undefined where there is none
   * @throws SlipwayError SAGEMAKER_OUTPUT where it is larger
   */
  fetch(name: string, file: string, mostBytes: number): Promise<string | undefined>
  /** Removes all that lies there. */
  clear(): Promise<void>
}

/** @param name below `sagemaker/`: for instance that of a job */
export function staging(store: Store, name: string): Staging {
  const prefix = `sagemaker/${name}/`
  const key = (file: string): string => prefix + file
  const tried = <T>(file: string, work: Promise<T>): Promise<T> =>
    work.catch((error) => {
      throw storeError(store, error, key(file))
    })
  const list = async (): Promise<string[]> =>
    (await listKeys(store, prefix, Number.POSITIVE_INFINITY)).map((each) => each.slice(prefix.length))
  return {
    uri: `s3://${store.bucket}/sagemaker/${name}`,
    async put(file, content) {
      await tried(
        file,
        store.client.send(new PutObjectCommand({ Bucket: store.bucket, Key: key(file), Body: content })),
      )
    },
    async putFile(file, path) {
      const { size } = await stat(path)
      // As bytes, not as a stream: the SDK can send them again after a hiccup.
      const isSmall = size <= multipartFrom
      const params = {
        Bucket: store.bucket,
        Key: key(file),
        Body: isSmall ? await readFile(path) : createReadStream(path),
      }
      await tried(
        file,
        isSmall
          ? store.client.send(new PutObjectCommand({ ...params, ContentLength: size }))
          : new Upload({ client: store.client, params }).done(),
      )
    },
    list,
    async fetch(file, path, mostBytes) {
      await mkdir(dirname(path), { recursive: true })
      const read = async () => {
        const answer = await store.client
          .send(new GetObjectCommand({ Bucket: store.bucket, Key: key(file) }))
          .catch((error) => {
            if (isMissing(error)) return undefined
            throw storeError(store, error, key(file))
          })
        if (answer === undefined) return undefined
        const size = answer.ContentLength ?? Number.POSITIVE_INFINITY
        if (size > mostBytes) {
          ;(answer.Body as Readable).destroy()
          throw new SlipwayError('SAGEMAKER_OUTPUT', `${file} has ${size} bytes, more than ${mostBytes}`, {
            next: 'leave less in the folders for models and outputs',
          })
        }
        return writeHashed(bodyOf(answer), path)
      }
      return readWhole(store, read).catch((error) => {
        throw storeError(store, error, key(file))
      })
    },
    async clear() {
      const names = await list()
      for (let first = 0; first < names.length; first += deletedAtOnce) {
        const Objects = names.slice(first, first + deletedAtOnce).map((each) => ({ Key: key(each) }))
        await tried(
          '',
          store.client.send(new DeleteObjectsCommand({ Bucket: store.bucket, Delete: { Objects, Quiet: true } })),
        )
      }
    },
  }
}
