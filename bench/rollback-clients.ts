import { createInterface } from 'node:readline'
import { gatewayClient } from '../client/gateway-client.ts'

/*
 * Clients that ask an endpoint without pause until their input ends, in a process of their own. For every line they are
 * sent they answer with one: by version, when its last answer came, ms since 1970.
 */
const [address, endpoint, body, connections] = process.argv.slice(2) as [string, string, string, string]
const last: Record<string, number> = {}
let going = true

async function ask(): Promise<void> {
  const client = gatewayClient(address, 1)
  while (going) {
    const answer = await client.post(`/v1/models/${endpoint}:predict`, body).catch(() => undefined)
    if (answer?.status === 200) last[answer.version] = performance.timeOrigin + performance.now()
  }
  client.close()
}

const asking = Array.from({ length: Number(connections) }, ask)
for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(last))
going = false
await Promise.all(asking)
