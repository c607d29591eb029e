import type { Builder } from '../builder.ts'
import { optimiseTensorsOf } from '../optimise.ts'
import { add, modelOfBranch, nextId, type Place } from '../recording.ts'

export const tensors =
  (at: Place): Builder['tensors'] =>
  (
    file,
    {
      samples,
      inputVersion = 1,
      name = modelOfBranch(at.recording, at.branch) ?? at.recording.pipeline,
      optimise,
    } = {},
  ) => {
    const id = add(at.recording, {
      id: nextId(at, 'tensors'),
      kind: 'tensors',
      file,
      ...(samples !== undefined && { samples: { file: samples } }),
      name,
      signature: inputVersion,
      ...(optimise !== undefined && { optimise: optimiseTensorsOf(optimise, samples) }),
    })
    return { kind: 'package', id }
  }
