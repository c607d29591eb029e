import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { unpack } from '../../lib/sagemaker/unpack.ts'
import { folderMaker } from '../support/folders.ts'

/*
 * Archives come from programs: what they hold is unpacked only where it is a plain file below its folder.
 */
const newFolder = folderMaker()
const bounds = { bytes: 1e6, files: 100 }

/** An archive that the system's own tar makes of a folder. */
function archived(write: (folder: string) => void, ...options: string[]): string {
  const folder = newFolder()
  write(folder)
  const file = join(newFolder(), 'model.tar.gz')
  execFileSync('tar', ['-czf', file, ...options, '-C', folder, '.'])
  return file
}

/** A header of ustar with its checksum, and what it is about. */
function entry(name: string, content: string, type = '0', link = ''): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write(type, 156)
  header.write(link, 157)
  header.write('ustar\x0000', 257)
  header.fill(32, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)])
}
function archiveOf(...entries: Buffer[]): string {
  const file = join(newFolder(), 'model.tar.gz')
  writeFileSync(file, gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])))
  return file
}
const unpacked = (file: string, most = bounds) => unpack(file, newFolder(), most, 'model.tar.gz')

describe('an archive of a job', () => {
  const long = `${'long'.repeat(40)}/${'name'.repeat(30)}.txt`
  it.each([['--format=ustar'], ['--format=gnu'], ['--format=pax']])(
    'is unpacked as tar wrote it (%s)',
    async (format) => {
      const name = format === '--format=ustar' ? 'folder/model.onnx' : long
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251))
      const file = archived((folder) => {
        mkdirSync(join(folder, name, '..'), { recursive: true })
        writeFileSync(join(folder, name), bytes)
        writeFileSync(join(folder, 'empty'), '')
      }, format)
      const into = newFolder()
      expect((await unpack(file, into, bounds, 'model.tar.gz')).sort()).toEqual(['empty', name].sort())
      expect(readFileSync(join(into, name)).equals(bytes)).toBe(true)
      expect(readFileSync(join(into, 'empty'))).toHaveLength(0)
    },
  )

  it.each([
    ['leads out by dots', archiveOf(entry('../evil', 'x')), 'leads out of its folder'],
    ['leads out from within', archiveOf(entry('a/../../evil', 'x')), 'leads out of its folder'],
    ['is absolute', archiveOf(entry('/etc/evil', 'x')), 'leads out of its folder'],
    ['is a hard link', archiveOf(entry('x', '', '1', '/etc/passwd')), 'neither a file nor a folder'],
    ['is a device', archiveOf(entry('x', '', '3')), 'neither a file nor a folder'],
    ['is a link', archived((folder) => symlinkSync('/etc/passwd', join(folder, 'x'))), 'neither a file nor a folder'],
  ])('is refused where something in it %s', async (_, file, why) => {
    await expect(unpacked(file)).rejects.toMatchObject({
      code: 'SAGEMAKER_OUTPUT',
      message: expect.stringContaining(why),
    })
  })

  it('is refused where it holds too much, is cut off, or is none', async () => {
    const big = archived((folder) => writeFileSync(join(folder, 'x'), Buffer.alloc(2_000_000)))
    await expect(unpacked(big)).rejects.toThrow('holds more than 1000000 bytes')
    await expect(unpacked(archiveOf(entry('a', ''), entry('b', '')), { ...bounds, files: 1 })).rejects.toThrow(
      'holds more than 1 files',
    )
    const whole = readFileSync(big)
    const cut = join(newFolder(), 'cut.tar.gz')
    writeFileSync(cut, whole.subarray(0, whole.length >> 1))
    await expect(unpacked(cut, { bytes: 1e9, files: 9 })).rejects.toMatchObject({ code: 'SAGEMAKER_OUTPUT' })
    writeFileSync(cut, 'no archive')
    await expect(unpacked(cut)).rejects.toThrow('cannot be unpacked')
    writeFileSync(cut, gzipSync(Buffer.alloc(2048, 7)))
    await expect(unpacked(cut)).rejects.toThrow('is no tar archive')
  })
})
