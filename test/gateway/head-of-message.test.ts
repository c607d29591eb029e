import { describe, expect, it } from 'vitest'
import { headOfMessage } from '../../gateway/grpc/head-of-message.ts'
import { inferRequest } from '../../gateway/protocols/open-inference/grpc/messages.ts'

const request = inferRequest.encode({
  model_name: 'credit',
  model_version: '3',
  id: 'an id',
  parameters: { explain: { bool_param: true } },
  inputs: [{ name: 'age', datatype: 'FP32', shape: [2], contents: { fp32_contents: [1, 2] } }],
  outputs: [],
  raw_input_contents: [Buffer.alloc(300, 7)],
})

describe('the head of a message', () => {
  it('is what it asks for, wherever that stands in it, and nothing else', () => {
    const name = inferRequest.encode({
      model_name: 'another',
      model_version: '',
      id: '',
      parameters: {},
      inputs: [],
      outputs: [],
      raw_input_contents: [],
    })
    const head = inferRequest.decode(headOfMessage(Buffer.concat([request, name]), [1, 2]))
    expect(head).toMatchObject({ model_name: 'another', model_version: '3', id: '' })
    expect(head.inputs).toEqual([])
    expect(head.raw_input_contents).toEqual([])
  })

  it('is not there in what ends in the middle of a field, wherever it does', () => {
    for (let length = 1; length < request.length; length++) {
      const cut = request.subarray(0, length)
      let isWhole = true
      try {
        inferRequest.decode(cut)
      } catch {
        isWhole = false
      }
      if (!isWhole) expect(() => headOfMessage(cut, [1, 2]), String(length)).toThrow(/middle of a field|wire type/)
    }
  })

  it('is not looked for in what has more fields than a model has inputs', () => {
    expect(() => headOfMessage(Buffer.alloc(400_002, Buffer.from([0x2a, 0])), [1, 2])).toThrow(
      /more than 100000 fields/,
    )
  })
})
