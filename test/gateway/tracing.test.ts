import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTracer } from '../../gateway/tracing.ts'

/** What an OTLP collector would get. */
const received: { path: string; text: string }[] = []
let collector: Server
beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ path: request.url ?? '', text: Buffer.concat(chunks).toString('utf8') })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
})
afterAll(() => {
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT
  collector.close()
})

it("sends a span of the caller's trace to the collector that is configured, and gives its own id back", async () => {
  const tracer = await createTracer()
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const span = tracer?.begin(`00-${traceId}-b7ad6b7169203331-01`, 'infer flights')
  span?.set({ 'slipway.model.version': 7 })
  span?.end(200)
  await tracer?.close()
  expect(span?.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  const [sent] = received
  expect(sent?.path).toBe('/v1/traces')
  const spans = JSON.parse(sent?.text ?? '{}').resourceSpans[0].scopeSpans[0].spans
  expect(spans).toMatchObject([
    {
      traceId,
      parentSpanId: 'b7ad6b7169203331',
      name: 'infer flights',
      attributes: expect.arrayContaining([{ key: 'slipway.model.version', value: { intValue: 7 } }]),
    },
  ])
})

it('costs nothing where no collector is configured', async () => {
  expect(await createTracer({})).toBeUndefined()
})
