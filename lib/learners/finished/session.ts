import type { InferenceSession } from 'onnxruntime-node'
import { brief } from '../../formats/brief.ts'
import type { Refuse } from './brought.ts'

/**
 * ONNX Runtime with a finished model, with one thread, as it scores.
 * @throws SlipwayError of `refuse`, that names the operator or the version that is not known
 */
export async function openModel(refuse: Refuse, model: Uint8Array): Promise<InferenceSession> {
  const ort = await import('../../code/onnxruntime.ts')
  // Only what is fatal: what converters declare wrongly is warned of with every batch otherwise.
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 } as const
  return ort.InferenceSession.create(model, options).catch((error: Error) => {
    throw refusal(refuse, error.message)
  })
}

/** What ONNX Runtime says, in our words where it can be told. */
function refusal(refuse: Refuse, message: string) {
  const opset = /Opset (\d+) is under development.*domain (\S+) is till opset (\d+)/s.exec(message)
  if (opset !== null)
    return refuse(
      `it needs version ${opset[1]} of the operators of ${opset[2]}, and ONNX Runtime here knows them up to ${opset[3]}`,
      `export it for version ${opset[3]}, or take a newer onnxruntime-node`,
    )
  const ir = /Unsupported model IR version: (\d+), max supported IR version: (\d+)/.exec(message)
  if (ir !== null)
    return refuse(
      `its format is ONNX IR ${ir[1]}, and ONNX Runtime here reads it up to ${ir[2]}`,
      'export it with an older onnx, or take a newer onnxruntime-node',
    )
  const operator =
    /In Node, \("[^"]*", (\w+), "([^"]*)", .*(?:No opset import for domain|No Op registered for)/s.exec(message) ??
    reversed(/(?:^|\s)([\w.]*):(\w+)\(-?\d+\) is not a registered function\/op/.exec(message))
  if (operator !== null)
    return refuse(
      `ONNX Runtime does not know its operator ${operator[1]}${operator[2] ? ` of ${operator[2]}` : ''}`,
      'export it with operators of ai.onnx and ai.onnx.ml only',
    )
  if (/protobuf parsing failed|data pointer is null/.test(message))
    return refuse('this is no ONNX model', 'give a file as onnx.save writes it')
  // Places in its own sources help nobody.
  const plain = message.replace(/^\/onnxruntime_src\/.*?\) (?=[A-Z])/s, '').trim()
  return refuse(`ONNX Runtime cannot load it: ${brief(plain, 500)}`, 'check it with onnx.checker')
}

const reversed = (match: RegExpExecArray | null): readonly (string | undefined)[] | null =>
  match && [match[0], match[2], match[1]]
