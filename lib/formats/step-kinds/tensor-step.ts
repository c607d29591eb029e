import { z } from 'zod'
import { Digest } from '../artifact.ts'
import { OptimiseTensors, optimiseInWords } from '../optimise.ts'
import { Name, StepId } from '../step-id.ts'
import { stepKind } from './step-kind.ts'
import { count } from './words.ts'

/** Makes the signed package of a finished model of tensors alone: nothing is trained, there are no rows. */
export const tensors = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('tensors'),
    /** Where the file is when a plan is made, from the project's folder; then it is for people. */
    file: z.string().min(1),
    /** Of the file with all that it keeps in files beside it. Set when a plan is made. */
    model: Digest.optional(),
    /** Inputs that its baseline profile is made of: where the file is, and its digest, set when a plan is made. */
    samples: z.object({ file: z.string().min(1), digest: Digest.optional() }).optional(),
    /** The model it is a version of. */
    name: Name,
    /** Counts the incompatible changes of what the model takes. */
    signature: z.int().min(1),
    /** What is done to its graph. */
    optimise: OptimiseTensors.optional(),
  }),
  refs: [],
  notInKey: ['file'],
  inKey: ({ samples }) => ({ samples: samples?.digest ?? null }),
  version: 1,
  hosts: ['onnxruntime-node', 'v8'],
  links: () => ({}),
  reads: () => ({}),
  activity: { name: 'packageTensors', within: '2h' },
  isLeased: true,
  planned: ({ file, samples, optimise }) =>
    `tensors • ${file}, ${optimise === undefined ? 'as it is' : optimiseInWords(optimise)}${samples === undefined ? '' : `, profiled on ${samples.file}`}`,
  made: ({ bytes, items, optimised }) =>
    `${count(bytes)} bytes of ONNX${optimised === undefined ? '' : `, ${optimised}`}; ${items === 0 ? 'no samples, so no baseline' : `answers to ${count(items)} samples profiled`}`,
})
