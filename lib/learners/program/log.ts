import { appendFileSync, writeFileSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

/** A line that goes on for longer than this many characters is broken. */
const longestLine = 4_096

/** What a metric is called, and a regular expression whose first group is its value. */
export type MetricDefinition = readonly [name: string, expression: string]

export interface ProgramLog {
  /** Takes bytes as they come from one of the program's streams. */
  take(stream: 'out' | 'err', bytes: Buffer): void
  /** Something that we have to say, not the program. */
  note(text: string): void
  /** The last line, without its time. */
  readonly lastLine: string
  /** Writes what is still held back. @returns the last value of each metric that was seen */
  end(): Record<string, number>
}

/**
 * The log of a program, a line each with time (UTC) and stream. However much it says, the file stays below some size:
 * half of it for the beginning, half for the end, and between them how many lines were left out. Metrics are read from
 * all lines.
 * @param bytes largest size of the file
 * @param now for tests
 */
export function openLog(
  file: string,
  bytes: number,
  metrics: readonly MetricDefinition[],
  now: () => Date = () => new Date(),
): ProgramLog {
  const readers = metrics.map(([name, expression]) => [name, new RegExp(expression)] as const)
  const values: Record<string, number> = {}
  const streams = { out: lineReader(), err: lineReader() }
  const held: string[] = []
  let [written, heldSize, leftOut, lastLine] = [0, 0, 0, '']
  writeFileSync(file, '', { mode: 0o600 })

  const keep = (line: string): void => {
    const size = Buffer.byteLength(line)
    if (held.length === 0 && leftOut === 0 && written + size <= bytes / 2) {
      appendFileSync(file, line)
      written += size
      return
    }
    held.push(line)
    heldSize += size
    while (heldSize > bytes / 2 - 100) {
      heldSize -= Buffer.byteLength(held.shift() as string)
      leftOut++
    }
  }
  const say = (stream: string, text: string): void => {
    lastLine = text
    keep(`${now().toISOString()} ${stream} ${text}\n`)
  }
  const hear = (stream: string, text: string): void => {
    say(stream, text)
    for (const [name, expression] of readers) {
      const value = Number(expression.exec(text)?.[1] ?? Number.NaN)
      if (Number.isFinite(value)) values[name] = value
    }
  }
  return {
    take(stream, chunk) {
      for (const line of streams[stream].take(chunk)) hear(stream, line)
    },
    note: (text) => say('---', text),
    get lastLine() {
      return lastLine
    },
    end() {
      for (const stream of ['out', 'err'] as const) for (const line of streams[stream].end()) hear(stream, line)
      if (leftOut > 0) appendFileSync(file, `--- ${leftOut} lines were left out here ---\n`)
      appendFileSync(file, held.join(''))
      return values
    },
  }
}

/** Cuts a stream of bytes into lines; carriage returns begin a line anew, as progress bars do. */
function lineReader() {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const cut = (text: string): string[] => {
    const lines = (rest + text).split(/\r\n|\n|\r/)
    rest = lines.pop() as string
    while (rest.length >= longestLine) {
      lines.push(rest.slice(0, longestLine))
      rest = rest.slice(longestLine)
    }
    return lines.flatMap((line) => (line === '' ? [] : (line.match(/.{1,4096}/gsu) ?? [])))
  }
  return {
    take: (chunk: Buffer): string[] => cut(decoder.write(chunk)),
    end: (): string[] => cut(`${decoder.end()}\n`),
  }
}
