import { GetObjectCommand } from '@aws-sdk/client-s3'
import { type AsyncBuffer, parquetMetadataAsync } from 'hyparquet'
import type { BatchFile } from '../formats/batch-records.ts'
import { SlipwayError } from '../formats/errors.ts'
import { bodyOf, bytesOf } from '../store/long-calls.ts'
import { blobKey } from '../store/objects.ts'
import { parseS3 } from '../store/s3-address.ts'
import { atBucket, readWhole, type Store, storeError } from '../store/store.ts'

/**
 * Rows of each row group of a parquet file, from its footer alone.
 * @throws SlipwayError SOURCE_UNREADABLE
 */
export async function rowGroupsOf(store: Store, file: BatchFile): Promise<number[]> {
  const { bucket, key } = file.digest === null ? parseS3(file.uri) : { ...store, key: blobKey(file.digest) }
  const place = atBucket(store, bucket)
  const buffer: AsyncBuffer = {
    byteLength: file.size,
    async slice(start, end = file.size) {
      const range = new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${start}-${end - 1}` })
      const bytes = await readWhole(store, async () => bytesOf(bodyOf(await store.client.send(range)))).catch(
        (error) => {
          throw storeError(place, error, key)
        },
      )
      return Uint8Array.from(bytes).buffer
    },
  }
  try {
    const { row_groups: groups } = await parquetMetadataAsync(buffer)
    return groups.map(({ num_rows: rows }) => Number(rows))
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    throw new SlipwayError(
      'SOURCE_UNREADABLE',
      `${file.uri} cannot be read as parquet: ${(error as Error).message.split('\n')[0]}`,
      { next: 'check that the file is whole' },
    )
  }
}
