import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import type { Connection } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAddress, plainAddress } from '../../lib/sources/postgres/address.ts'
import { ColumnBuffer } from '../../lib/sources/postgres/column-buffer.ts'
import { CopyOut } from '../../lib/sources/postgres/copy-out.ts'
import { putDecimal } from '../../lib/sources/postgres/decimals.ts'
import { passwordFor } from '../../lib/sources/postgres/password.ts'
import { putDate, putTimestamp } from '../../lib/sources/postgres/values.ts'
import { postgresSource } from '../../lib/sources/postgres.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-postgres-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const user = userInfo().username

describe('an address of Postgres', () => {
  it.each([
    [
      'postgres://ann@db.example:6432/shop?table=sales.orders',
      { host: 'db.example', port: 6432, user: 'ann', database: 'shop', reads: { table: 'sales.orders' } },
    ],
    ['postgresql:///?table=t', { host: 'localhost', port: 5432, user, database: user, sslMode: 'prefer' }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/shop?table=t', { host: '/var/run/postgresql', port: 5432 }],
    ['postgres://ann@[::1]:6432/shop?table=t&sslmode=verify-full', { host: '::1', port: 6432, sslMode: 'verify-full' }],
    ['postgres://h/d?query=select a+b as "c&#34;", d::text\nfrom t where e %26 1 = 1 ;', undefined],
    [
      'postgres://h/d?query=select a+b, c%20d\nfrom t -- ?\nwhere e %26 1 = 1 ; ',
      { reads: { query: 'select a+b, c d\nfrom t -- ?\nwhere e & 1 = 1' } },
    ],
  ])('is read as it is written: %s', (uri, expected) => {
    if (expected === undefined) expect(() => parseAddress(uri, {})).toThrow('"&" in a query is written %26')
    else expect(parseAddress(uri, {})).toMatchObject(expected)
  })

  it('takes what it leaves out from the environment, and from a service before that', () => {
    const env = { PGHOST: 'h', PGPORT: '1', PGUSER: 'u', PGDATABASE: 'd', PGSSLMODE: 'require' }
    expect(parseAddress('postgres:///?table=t', env)).toMatchObject({
      ...{ host: 'h', port: 1, user: 'u', database: 'd', sslMode: 'require' },
    })
    writeFileSync(join(folder, 'services'), '# all\n[a]\nhost=one\n[b]\nhost=two\nport = 2\n[c]\nuser=three\n')
    const given = { ...env, PGSERVICE: 'b', PGSERVICEFILE: join(folder, 'services') }
    expect(parseAddress('postgres:///x?table=t', given)).toMatchObject({
      host: 'two',
      port: 2,
      user: 'u',
      database: 'x',
    })
    expect(() => parseAddress('postgres:///?table=t', { ...given, PGSERVICE: 'z' })).toThrow('has no service "z"')
  })

  it.each([
    ['postgres://ann:hunter2@h/d?table=t', 'holds a password'],
    ['postgres://ann:@h/d?table=t', 'holds a password'],
    ['postgres://h/d', 'either which table to read or which query'],
    ['postgres://h/d?table=t&query=select 1', 'either which table to read or which query'],
    ['postgres://h/d?password=hunter2&table=t', 'not "password"'],
    ['postgres://h/d?table=t&table=u', 'it says "table" twice'],
    ['postgres://h/d?table=t&sslmode=maybe', 'sslmode is one of disable, allow'],
    ['postgres://h/d?query=select 100%', '%25'],
    ['postgres://h:port/d?table=t', '"h:port" is no host'],
  ])('is refused without repeating a secret: %s', (uri, why) => {
    const failure = (() => {
      try {
        return parseAddress(uri, {})
      } catch (error) {
        return error as Error & { code: string; facts: object }
      }
    })()
    expect(failure).toMatchObject({ code: 'DEFINITION_INVALID', message: expect.stringContaining(why) })
    expect(`${JSON.stringify(failure)}${(failure as Error).message}`).not.toContain('hunter2')
  })

  it('is stored without what only says how to get there', () => {
    const uri = 'postgres://%2Ftmp/d?sslmode=disable&query=select 1'
    expect(plainAddress(parseAddress(uri, { PGUSER: 'u' }))).toBe('postgres://u@%2Ftmp:5432/d?query=select 1')
  })
})

describe('a password file', () => {
  const address = parseAddress('postgres://a:b@h/d?table=t'.replace(':b', ''), { PGHOST: 'h' })
  const file = (text: string, mode = 0o600): NodeJS.ProcessEnv => {
    const path = join(mkdtempSync(join(folder, 'pass-')), 'pgpass')
    writeFileSync(path, text, { mode })
    return { PGPASSFILE: path }
  }

  it.each([
    ['h:5432:d:a:secret', 'secret'],
    ['other:*:*:*:no\nh:5432:e:a:no\n*:*:*:a:first\n*:*:*:*:second', 'first'],
    ['# h:5432:d:a:no\nh:5432:d:a:with\\:colon\\\\', 'with:colon\\'],
    ['h:5432:d:a:un:escaped', 'un:escaped'],
    ['h:5432:d', undefined],
    ['', undefined],
  ])('is read as libpq reads it: %j', (text, password) => {
    expect(passwordFor(address, file(text))).toBe(password)
  })

  it('that others may read is passed over, and PGPASSWORD comes first', () => {
    expect(passwordFor(address, file('*:*:*:*:secret', 0o644))).toBeUndefined()
    expect(passwordFor(address, { ...file('*:*:*:*:secret'), PGPASSWORD: 'mine' })).toBe('mine')
    expect(homedir()).not.toBe('')
  })
})

describe('values in binary form', () => {
  /**
   * What `numeric_send` writes for digits before and after the point: groups of four, none that are zero at either end.
   */
  const numeric = (unscaled: bigint, scale: number): Buffer => {
    const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
    const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale)]
    const padded = whole.padStart(Math.ceil(whole.length / 4) * 4, '0') + fraction.padEnd(Math.ceil(scale / 4) * 4, '0')
    let groups = (padded.match(/.{4}/g) ?? []).map(Number)
    let weight = Math.ceil(whole.length / 4) - 1
    while (groups[0] === 0) {
      groups = groups.slice(1)
      weight--
    }
    while (groups.at(-1) === 0) groups = groups.slice(0, -1)
    const head = [groups.length, groups.length === 0 ? 0 : weight, unscaled < 0n ? 0x4000 : 0, scale]
    const bytes = Buffer.alloc(2 * (head.length + groups.length))
    for (const [i, value] of [...head, ...groups].entries()) bytes.writeUInt16BE(value & 0xffff, 2 * i)
    return bytes
  }

  it('are decimals to their last digit, whatever their precision and scale', () => {
    const decimals = fc
      .integer({ min: 1, max: 38 })
      .chain((precision) =>
        fc.tuple(
          fc.constant(precision),
          fc.integer({ min: 0, max: precision }),
          fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n }),
        ),
      )
    fc.assert(
      fc.property(decimals, ([precision, scale, unscaled]) => {
        const width = precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16
        const column = new ColumnBuffer('n', width)
        const bytes = numeric(unscaled, scale)
        putDecimal(precision, scale)(column, bytes, 0, bytes.length, 3)
        const { buffer } = column.take(4).bytes
        const view = new DataView(buffer, 3 * width, width)
        const read = {
          2: () => BigInt(view.getInt16(0, true)),
          4: () => BigInt(view.getInt32(0, true)),
          8: () => view.getBigInt64(0, true),
          16: () => (view.getBigInt64(8, true) << 64n) | view.getBigUint64(0, true),
        }[width]
        expect(read()).toBe(unscaled)
      }),
      { numRuns: 2_000 },
    )
  })

  it('are moments to the microsecond, and days', () => {
    const epoch = 946_684_800_000_000n
    const [lowest, highest] = [-(2n ** 63n) + 1n, 2n ** 63n - 1n - epoch]
    fc.assert(
      fc.property(fc.bigInt({ min: lowest, max: highest }), (micros) => {
        const column = new ColumnBuffer('t', 8)
        const bytes = Buffer.alloc(8)
        bytes.writeBigInt64BE(micros)
        putTimestamp(column, bytes, 0, 8, 0)
        expect(new DataView(column.take(1).bytes.buffer).getBigInt64(0, true)).toBe(micros + epoch)
      }),
    )
    const column = new ColumnBuffer('d', 4)
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE((Date.UTC(2024, 1, 29) - Date.UTC(2000, 0, 1)) / 86_400_000)
    putDate(column, bytes, 0, 4, 0)
    expect(new DataView(column.take(1).bytes.buffer).getInt32(0, true)).toBe(Date.UTC(2024, 1, 29) / 86_400_000)
  })
})

describe('a copy', () => {
  const message = (code: string, content: Buffer): Buffer => {
    const head = Buffer.alloc(5)
    head.write(code)
    head.writeUInt32BE(content.length + 4, 1)
    return Buffer.concat([head, content])
  }

  it('gives each message whole, wherever the network cuts the bytes, and the rest to the driver', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 50 }),
        (contents, sizes) => {
          const messages = contents.map((content) => message('d', Buffer.from(content)))
          const end = Buffer.concat([message('c', Buffer.alloc(0)), message('C', Buffer.from('COPY 1\0'))])
          const notice = message('N', Buffer.from('by the way'))
          const bytes = Buffer.concat([message('H', Buffer.alloc(3)), ...messages, notice, end])
          const stream = new PassThrough()
          const rest: Buffer[] = []
          stream.on('data', (piece: Buffer) => rest.push(piece))
          const rows: Buffer[] = []
          const copy = new CopyOut('COPY', (from, at, to) => rows.push(Buffer.from(from.subarray(at, to))))
          copy.submit({ stream, query: () => {} } as unknown as Connection)
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] as number
            stream.emit('data', bytes.subarray(at, at + size))
            at += size
          }
          expect(rows).toEqual(contents.map((content) => Buffer.from(content)))
          expect(Buffer.concat(rest)).toEqual(end)
        },
      ),
    )
  })

  it('ends with what its reader throws', async () => {
    const stream = new PassThrough()
    stream.on('data', () => {})
    const copy = new CopyOut('COPY', () => {
      throw new Error('no such value')
    })
    copy.submit({ stream, query: () => {} } as unknown as Connection)
    stream.emit('data', message('d', Buffer.from('x')))
    await expect(copy.done).rejects.toThrow('no such value')
    expect(stream.destroyed).toBe(true)
  })
})

describe('a server that is none', () => {
  it('and answers nothing is given up, and nothing is left', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as AddressInfo
    const source = postgresSource(join(folder, 'cache'), { silence: 200 })
    await expect(source.find(`postgres://127.0.0.1:${port}/d?table=t`, undefined)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining(`Postgres at 127.0.0.1:${port} cannot be reached`),
    })
    expect(readdirSync(join(folder, 'cache'))).toEqual([])
    for (const socket of sockets) socket.destroy()
    silent.close()
  })

  it('takes no days from outside: a query says them', async () => {
    const source = postgresSource(join(folder, 'cache'))
    const found = source.find('postgres://h/d?table={date}', { first: '2024-01-01', last: '2024-01-02' })
    await expect(found).rejects.toMatchObject({ code: 'DEFINITION_INVALID', facts: { next: expect.any(String) } })
  })
})
