import { emptyBody } from '../http-request.ts'
import { smallBody } from './json-bounds.ts'

/** A body that comes in. */
export interface Collected {
  add(chunk: Buffer): void
  whole(): Buffer
}

/**
 * Keeps what comes in of a body. A large one whose length is known goes where it will stay: hundreds of pieces that
 * are kept until the last one is there leave holes in the process's memory that never go back.
 * @param length as its head says it; 0 where it does not
 */
export function collect(length: number): Collected {
  return length > smallBody ? inPlace(length) : inPieces()
}

function inPlace(length: number): Collected {
  // Nothing else lies in its buffer, so that it can be given away. What is not written yet takes no memory.
  const body = Buffer.allocUnsafeSlow(length)
  let size = 0
  return {
    add(chunk) {
      size += chunk.copy(body, size)
    },
    whole: () => (size === length ? body : body.subarray(0, size)),
  }
}

function inPieces(): Collected {
  // Most bodies are one piece, which costs no array.
  let first: Buffer | undefined
  let all: Buffer[] | undefined
  return {
    add(chunk) {
      if (first === undefined) first = chunk
      else {
        all ??= [first]
        all.push(chunk)
      }
    },
    whole: () => (all === undefined ? (first ?? emptyBody) : Buffer.concat(all)),
  }
}
