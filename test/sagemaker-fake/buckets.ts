import { createWriteStream, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'

/** `s3://bucket/prefix` in parts. */
export function placeOf(uri: string): { bucket: string; key: string } {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri) ?? []
  return { bucket, key }
}

/** Keys below an address. */
export async function keysBelow(s3: S3Client, uri: string): Promise<string[]> {
  const { bucket, key } = placeOf(uri)
  const keys: string[] = []
  let token: string | undefined
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, ContinuationToken: token }))
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []))
    token = page.NextContinuationToken
  } while (token !== undefined)
  return keys
}

/** Copies what lies below an address into a folder, as channels in File mode are. @returns how many files */
export async function download(s3: S3Client, uri: string, folder: string): Promise<number> {
  const { bucket, key: prefix } = placeOf(uri)
  const keys = await keysBelow(s3, uri)
  mkdirSync(folder, { recursive: true })
  for (const key of keys) {
    // Names begin behind the last slash of the prefix.
    const name = key.slice(prefix.lastIndexOf('/') + 1)
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    await pipeline(Body as Readable, createWriteStream(file))
  }
  return keys.length
}

export async function upload(s3: S3Client, file: string, uri: string): Promise<void> {
  const { bucket, key } = placeOf(uri)
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: readFileSync(file) }))
}

/** An object's bytes. */
export async function read(s3: S3Client, uri: string): Promise<Buffer> {
  const { bucket, key } = placeOf(uri)
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

export async function write(s3: S3Client, uri: string, body: Buffer): Promise<void> {
  const { bucket, key } = placeOf(uri)
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))
}

/** All files of a folder, as objects below an address. */
export async function uploadFolder(s3: S3Client, folder: string, uri: string): Promise<void> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    await upload(s3, file, `${uri.replace(/\/$/, '')}${file.slice(folder.length)}`)
  }
}
