import type { EndpointContract } from './contract.ts'
import { transport } from './transport.ts'
import { predictionType, rowType, tensorTypes } from './types.ts'

/**
 * A module of TypeScript that asks an endpoint, typed by its contract: equal contracts make equal bytes. It imports
 * nothing and needs `fetch`, so it runs in browsers and in Node.
 */
export function writeClient(contract: EndpointContract): string {
  const { endpoint } = contract
  const name = pascal(endpoint)
  const types =
    contract.kind === 'tensors'
      ? tensorTypes(name, contract)
      : [rowType(name, contract.row), predictionType(name, contract)].join('\n\n')
  const methods = contract.kind === 'tensors' ? tensorMethods(name, endpoint) : rowMethods(name, endpoint)
  return `${[
    `// What endpoint ${endpoint} takes and answers. Written by \`slipway client ${endpoint}\`: do not change it, write it anew.`,
    types,
    methods,
    transport(name),
  ].join('\n\n')}\n`
}

/** `loans-east` → `LoansEast`, `2nd-floor` → `_2ndFloor`. */
export function pascal(name: string): string {
  const joined = name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
  return /^\d/.test(joined) ? `_${joined}` : joined
}

const camel = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

/** Asks by TensorFlow Serving's protocol, which has rows as objects. */
const rowMethods = (name: string, endpoint: string): string => `export interface ${name}Answer extends ${name}Served {
  /** One a row, in their order. */
  readonly predictions: readonly ${name}Prediction[]
}

export interface ${name}Client {
  /** @throws ${name}Error */
  predict(rows: readonly ${name}Row[], call?: ${name}Call): Promise<${name}Answer>
  /** The prediction of one row. @throws ${name}Error */
  predictOne(row: ${name}Row, call?: ${name}Call): Promise<${name}Prediction>
}

export function ${camel(name)}Client(options: ${name}Options): ${name}Client {
  const predict = async (rows: readonly ${name}Row[], call: ${name}Call = {}): Promise<${name}Answer> => {
    const { body, served } = await ask(options, '/v1/models/${endpoint}:predict', { instances: rows }, call)
    return { predictions: (body as { predictions: ${name}Prediction[] }).predictions, ...served }
  }
  return {
    predict,
    predictOne: async (row, call) => (await predict([row], call)).predictions[0] as ${name}Prediction,
  }
}`

/** Asks by the Open Inference Protocol. */
const tensorMethods = (
  name: string,
  endpoint: string,
): string => `export interface ${name}Answer extends ${name}Served {
  readonly outputs: ${name}Outputs
}

export interface ${name}Client {
  /** @throws ${name}Error */
  infer(inputs: ${name}Inputs, call?: ${name}Call): Promise<${name}Answer>
}

export function ${camel(name)}Client(options: ${name}Options): ${name}Client {
  return {
    async infer(inputs, call = {}) {
      const sent = Object.entries(inputs).map(([name, { shape, data }]) => ({
        name,
        datatype: datatypes[name as keyof typeof datatypes],
        shape,
        data: Array.from<unknown>(data),
      }))
      const { body, served } = await ask(options, '/v2/models/${endpoint}/infer', { inputs: sent }, call)
      const { outputs } = body as { outputs: readonly { name: string; shape: number[]; data: never[] }[] }
      const named = outputs.map(({ name, shape, data }) => [name, { shape, data }] as const)
      return { outputs: Object.fromEntries(named) as unknown as ${name}Outputs, ...served }
    },
  }
}`
