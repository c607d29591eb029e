import type { IncomingMessage, ServerResponse } from 'node:http'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { containersRunning, whyNoContainers } from './containers.ts'
import type { Behaviour, Fault } from './script.ts'
import type { ImageCommand, World } from './world.ts'

/**
 * What tests tell a fake that runs as a process of its own, and ask it: below `/_fake/`.
 * @returns whether the request was one of these
 */
export function control(world: World, request: IncomingMessage, response: ServerResponse, body: Buffer): boolean {
  const what = /^\/_fake\/(\w+)$/.exec(request.url ?? '')?.[1]
  if (what === undefined) return false
  const given = (): unknown => JSON.parse(body.toString('utf8'))
  const told: Readonly<Record<string, () => unknown>> = {
    'POST faults': () => world.script.addFault(given() as Fault),
    'POST behaviours': () => world.script.addBehaviour(given() as Behaviour),
    'POST images': () => {
      for (const [name, command] of Object.entries(given() as Record<string, ImageCommand>))
        world.images.set(name, command)
    },
    // Where the store is that channels are read from, of a fake that was there before its store.
    'POST store': () => world.useStore(new S3Client({ forcePathStyle: true, ...(given() as S3ClientConfig) })),
    'GET requests': () => world.requests,
    'GET containers': () => ({ running: containersRunning(), whyNot: whyNoContainers() ?? null }),
  }
  const tell = told[`${request.method} ${what}`]
  if (tell === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(tell() ?? {}))
  return true
}
