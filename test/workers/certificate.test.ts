import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { expect, it } from 'vitest'
import { newCertificate } from '../../workers/platform/certificate.ts'

const { key, certificate } = newCertificate()

/** What a client that shows this hears from a server that trusts only our certificate, and is held to it. */
async function heardBy(shown: { key?: string; cert?: string }): Promise<string> {
  const server = createServer(
    { key, cert: certificate, ca: [certificate], requestCert: true, rejectUnauthorized: true },
    (socket: TLSSocket) => socket.end('welcome'),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', ca: [certificate], ...shown })
  try {
    let heard = ''
    for await (const chunk of client) heard += String(chunk)
    return heard
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    client.destroy()
    server.close()
  }
}

it('lets its holders in, at both ends and by the address they connect to', async () => {
  expect(await heardBy({ key, cert: certificate })).toBe('welcome')
})

it('keeps out who shows nothing, and who shows another one of the same name', async () => {
  const other = newCertificate()
  expect(new X509Certificate(other.certificate).subject).toBe(new X509Certificate(certificate).subject)
  expect(await heardBy({})).not.toBe('welcome')
  expect(await heardBy({ key: other.key, cert: other.certificate })).not.toBe('welcome')
})

it('is in order for strict readers: a short positive serial number, another one each time, at any time', () => {
  const made = Array.from({ length: 300 }, () => new X509Certificate(newCertificate().certificate))
  for (const { serialNumber } of made) expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/)
  expect(new Set(made.map(({ serialNumber }) => serialNumber)).size).toBe(300)
  const [one] = made as [X509Certificate]
  expect(new Date(one.validFrom).getUTCFullYear()).toBe(2000)
  expect(new Date(one.validTo).getUTCFullYear()).toBe(9999)
  expect(one.verify(one.publicKey)).toBe(true)
})
