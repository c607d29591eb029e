import { SlipwayError } from '../formats/errors.ts'

/** `s3://bucket/key` in two. */
export function parseS3(uri: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri)
  if (match === null) throw new SlipwayError('USAGE', `"${uri}" is no S3 address`, { next: 'write s3://bucket/key' })
  return { bucket: match[1] as string, key: match[2] as string }
}
