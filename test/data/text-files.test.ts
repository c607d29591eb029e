import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { scanCsv } from '../../lib/data/text-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-text-'))
afterAll(() => rmSync(folder, { recursive: true }))

const scanOf = (name: string, bytes: Buffer) => {
  writeFileSync(join(folder, name), bytes)
  return scanCsv({ path: join(folder, name), name, compression: 'none' }, { delimiter: ',', header: true })
}

describe('a file that is no UTF-8', () => {
  // In Latin-1 ß is 0xdf, which in UTF-8 begins a character of two bytes; é before a comma is 0xe9, of three.
  it.each([
    ['in its header', 'Straße,n\n1,2\n', 'the header is no UTF-8 (byte 0xdf)'],
    ['in a row', 'a,b\n1,2\n3,4\ncafé,5\n6,7\n', 'row 3 is no UTF-8 (byte 0xe9)'],
    ['in its last byte', 'a,b\n1,é', 'row 1 is no UTF-8 (byte 0xe9)'],
    ['far behind its start', `a,b\n${'1,2\n'.repeat(300_000)}ä,2\n`, 'row 300001 is no UTF-8 (byte 0xe4)'],
  ])('is refused with the row and the byte, %s', async (where, text, message) => {
    await expect(scanOf(`${where}.csv`, Buffer.from(text, 'latin1'))).rejects.toThrow(message)
  })
})
