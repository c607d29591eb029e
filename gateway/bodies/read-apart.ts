import type { TensorFacts, Tensors } from '../../lib/formats/tensors.ts'
import type { ModelFacts } from '../../lib/models/model.ts'
import { invalid } from '../../lib/models/rows.ts'
import type { Waiter } from '../late.ts'
import type { Prediction, ServedVersion, TensorPrediction, Written } from '../protocols/protocol.ts'
import type { Input, InputColumns, TensorInput } from '../scoring.ts'
import type { BodyThreads, Lease } from './body-threads.ts'
import type { BodyQuestion, ReadInput, ToRead, ToWrite } from './messages.ts'
import { Packed } from './packed.ts'

/** A version by which a request may have to be read: of rows, or of tensors. */
export type Reading =
  | { readonly kind: 'rows'; readonly facts: ModelFacts }
  | { readonly kind: 'tensors'; readonly facts: TensorFacts }

/**
 * A large request as a protocol understood it, in a thread: what `Asked` is of a small one. What reads it at once there
 * has to be made ready here.
 */
export class AskedApart {
  readonly explain: boolean
  readonly version: string | undefined
  readonly tensors: { read(facts: TensorFacts): TensorInput } | undefined
  private readonly lease: Lease
  private readonly until: Waiter
  /** What came of reading it, by the facts of a version. */
  private readonly ready = new Map<ModelFacts | TensorFacts, () => Input | TensorInput>()

  private constructor(
    lease: Lease,
    until: Waiter,
    { explain, version, takesTensors }: { explain: boolean; version: string | undefined; takesTensors: boolean },
  ) {
    this.lease = lease
    this.until = until
    this.explain = explain
    this.version = version
    this.tensors = takesTensors ? { read: (facts) => this.inputOf(facts) as TensorInput } : undefined
  }

  /** @throws SlipwayError what reading it throws; DEADLINE_EXCEEDED, OVERLOADED */
  static async of(threads: BodyThreads, read: ToRead, until: Waiter): Promise<AskedApart> {
    const lease = await threads.lease(until)
    try {
      const { asked } = await lease.thread.ask('asked', { read }, until, [read.body.buffer])
      return new AskedApart(lease, until, asked)
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /**
   * Reads it as all of these take it. What is wrong with it is thrown when it is read.
   * @param readings which, now: others may be there when the first are done
   * @throws SlipwayError DEADLINE_EXCEEDED, REQUEST_TOO_LARGE
   */
  async prepare(readings: () => readonly Reading[]): Promise<void> {
    for (;;) {
      const all = readings()
      const next = all.find(({ facts }) => !this.ready.has(facts))
      if (next === undefined) return
      // One version alone asks once, and explanations ask again.
      const isSole = all.length === 1 && !this.explain
      this.ready.set(next.facts, await this.readBy(next, isSole))
    }
  }

  read({ facts }: ServedVersion): Input {
    return this.inputOf(facts) as Input
  }

  /** @throws SlipwayError DEADLINE_EXCEEDED, REQUEST_TOO_LARGE */
  async write(prediction: Prediction | TensorPrediction, id: string): Promise<Written> {
    const { written } = await this.lease.thread.ask(
      'written',
      { write: { prediction: sentOf(prediction), id } },
      this.until,
    )
    const { body } = written
    if (typeof body === 'string') return written
    return { ...written, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }
  }

  /** Nothing more is asked of it. */
  release(): void {
    this.lease.release()
  }

  private async readBy(reading: Reading, isSole: boolean): Promise<() => Input | TensorInput> {
    const { thread } = this.lease
    if (reading.kind === 'tensors' && this.tensors === undefined) return () => fail(notTensors(reading.facts))
    const question: BodyQuestion = reading.kind === 'rows' ? { rows: reading.facts } : { tensors: reading.facts }
    try {
      const { input } = await thread.ask('input', question, this.until)
      const read = inputOf(input, isSole)
      return () => read
    } catch (error) {
      if (!thread.isOpen) throw error
      return () => fail(error)
    }
  }

  private inputOf(facts: ModelFacts | TensorFacts): Input | TensorInput {
    const input = this.ready.get(facts)
    if (input === undefined) throw new Error(`the request was not read as ${facts.name} takes it`)
    return input()
  }
}

const notTensors = ({ name }: TensorFacts): Error => invalid(`model ${name} takes tensors`)

function fail(error: unknown): never {
  throw error
}

function inputOf(read: ReadInput, isSole: boolean): Input | TensorInput {
  if (read.kind === 'tensors') {
    const { packed, ...input } = read
    return { ...input, tensors: new Packed<Tensors>(packed, isSole) }
  }
  const { packed, head, ...input } = read
  return { ...input, columns: new Packed<InputColumns>(packed, isSole), head }
}

/** What can be sent of it. */
function sentOf(prediction: Prediction | TensorPrediction): ToWrite['prediction'] {
  if (!('version' in prediction)) return prediction
  const { predictions, decisions, answeredBy, role, version, lookups, explained } = prediction
  return { predictions, decisions, answeredBy, role, lookups, explained, facts: version.facts }
}
