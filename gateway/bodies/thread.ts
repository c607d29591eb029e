import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { TensorFacts, Tensors } from '../../lib/formats/tensors.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { rowReader } from '../../lib/models/rows.ts'
import { readAlerts } from '../alertmanager.ts'
import { readFeedback } from '../feedback.ts'
import type { Asked, Incoming, Written } from '../protocols/protocol.ts'
import type { InputColumns } from '../scoring.ts'
import { headOf } from './head.ts'
import { knownProtocols } from './known-protocols.ts'
import type { BodyAnswer, BodyQuestion, ReadInput, ToLabel, ToRead } from './messages.ts'
import { pack } from './packed.ts'

/*
 * Reads large bodies, and writes the answers to them: what takes long of both holds up this thread, and nobody else.
 * One request at a time; what is known of it stays here until the next one comes or the thread is ended.
 */
let asked: Asked | undefined

// On Linux this is about the thread that says it: where cores are few, the one that answers goes first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW)

parentPort?.on('message', (question: BodyQuestion) => {
  let answer: BodyAnswer
  try {
    answer = answerTo(question)
  } catch (error) {
    answer = { failed: failureOf(error) }
  }
  parentPort?.postMessage(answer, buffersOf(answer))
})

function answerTo(question: BodyQuestion): BodyAnswer {
  if ('read' in question) {
    // What was read before is nobody's any more.
    asked = undefined
    asked = read(question.read)
    const { explain = false, version, tensors } = asked
    return { asked: { explain, version, takesTensors: tensors !== undefined } }
  }
  if ('feedback' in question) return { labels: labelsOf(question.feedback) }
  if ('alerts' in question) return { causes: readAlerts(bufferOf(question.alerts)) }
  if (asked === undefined) throw new Error('nothing was read')
  if ('rows' in question) return { input: rowsOf(asked, question.rows) }
  if ('tensors' in question) return { input: tensorsOf(asked, question.tensors) }
  const { write } = question
  if ('outputs' in write.prediction) {
    if (asked.tensors === undefined) throw new Error('it asks no model of tensors')
    return { written: inBytes(asked.tensors.write(write.prediction, write.id)) }
  }
  const { facts, ...prediction } = write.prediction
  return { written: inBytes(asked.write({ ...prediction, version: versionOf(facts) }, write.id)) }
}

/** An endpoint that is not there is told by who knows which are. */
class Unknown extends Error {
  readonly endpoint: string | undefined
  constructor(endpoint: string | undefined) {
    super()
    this.endpoint = endpoint
  }
}

function labelsOf({ body, endpoints, now }: ToLabel): Extract<BodyAnswer, { labels: unknown }>['labels'] {
  try {
    return readFeedback(
      bufferOf(body),
      (name) => {
        const found = endpoints.get(name ?? '')
        if (found === undefined) throw new Unknown(name)
        return found
      },
      now,
    )
  } catch (error) {
    if (error instanceof Unknown) return { unknown: error.endpoint }
    throw error
  }
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

/** Texts would be copied, and copied again to be sent. */
const inBytes = ({ body, ...written }: Written): Written => ({ ...written, body: Buffer.from(body as Buffer) })

function read({ protocol, body, headers }: ToRead): Asked {
  const known = knownProtocols.get(protocol)
  if (known === undefined) throw new Error(`no protocol is called ${protocol}`)
  const request: Incoming = {
    body: bufferOf(body),
    arrivedAt: performance.now(),
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  }
  return known.read(request)
}

const versionOf = (facts: ModelFacts) => ({ facts, reader: rowReader(facts.inputs) })

function rowsOf(request: Asked, facts: ModelFacts): ReadInput {
  const { columns, ...input } = request.read(versionOf(facts))
  const plain = columns as InputColumns
  return { ...input, head: headOf(plain), ...pack(plain) }
}

function tensorsOf({ tensors: request }: Asked, facts: TensorFacts): ReadInput {
  if (request === undefined) throw new Error('it asks no model of tensors')
  const { tensors, ...input } = request.read(facts)
  return { ...input, ...pack(tensors as Tensors) }
}

/** Errors lose their class on the way between threads. */
function failureOf(error: unknown): Extract<BodyAnswer, { failed: unknown }>['failed'] {
  if (error instanceof SlipwayError) return { code: error.code, message: error.message, facts: error.facts }
  return { code: undefined, message: (error as Error).stack ?? String(error), facts: {} }
}

/** Memory that is handed over. */
function buffersOf(answer: BodyAnswer): ArrayBuffer[] {
  if ('input' in answer) return [answer.input.packed.buffer]
  if (!('written' in answer)) return []
  const { body } = answer.written
  return typeof body === 'string' || body.byteLength !== body.buffer.byteLength ? [] : [body.buffer as ArrayBuffer]
}
