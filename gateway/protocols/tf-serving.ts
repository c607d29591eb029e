import { invalid } from '../rows.ts'

import { parseJson } from './json.ts'
import { type Asked, numbersJson } from './protocol.ts'
import { readRowsOrColumns } from './rows-or-columns.ts'

/** TensorFlow Serving's REST predict: rows as `instances`, or columns as `inputs` (tensorflow.org/tfx/serving/api_rest). */
export function readPredict(body: Buffer): Asked {
  const request = parseJson(body) as Record<string, unknown> | null
  const key =
    typeof request !== 'object' || request === null
      ? undefined
      : Object.hasOwn(request, 'instances')
        ? 'instances'
        : Object.hasOwn(request, 'inputs')
          ? 'inputs'
          : undefined
  if (request === null || key === undefined) throw invalid('expected an object with "instances" or "inputs"')
  return {
    read: (version) => readRowsOrColumns(request[key], version, key),
    write: ({ predictions }) => ({
      contentType: 'application/json',
      body: `{"${key === 'instances' ? 'predictions' : 'outputs'}":${numbersJson(predictions)}}`,
    }),
  }
}
