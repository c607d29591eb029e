import type { IncomingMessage, ServerResponse } from 'node:http'
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
    'GET requests': () => world.requests,
  }
  const tell = told[`${request.method} ${what}`]
  if (tell === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(tell() ?? {}))
  return true
}
