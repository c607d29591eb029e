import { slipwayUsage } from '../../cli/command-line.ts'
import type { Usage } from '../../cli/usage/usage.ts'

/** Something each argument, and each option that must be given, takes: by its name. */
const samples: Readonly<Record<string, string>> = {
  pipeline: 'flights',
  endpoint: 'flights',
  snapshot: '3f9a1c22b0d4',
  step: 'delays',
  run: 'flights-20261122-034512-k3x9',
  other: 'flights-20261122-034512-k3x9',
  rollout: 'flights-20261122-034512-k3x9',
  what: 'flights@3',
  model: 'flights@3',
  request: '0b6c3f0e-6a39-4b7e-9b6e-2a3f6f0c1d2e',
  kind: 'drift',
  ref: 'routes/flights',
  file: 'rows.json',
  message: 'rows.json',
  name: 'nightly',
  owner: 'flights',
  batch: 'nightly',
  partition: '2001-06-01',
  '--image': 'registry.example/flights',
  '--at': 'delays',
  '--plan': 'same',
  '--on': '3f9a1c22b0d4',
  '--target': 'rained',
  '--task': 'binary',
  '--data': 'rows.json',
  '--from': 'rows.json',
  '--mlflow': 'http://127.0.0.1:9',
  '--queue': 'https://sqs.us-east-1.amazonaws.com/123456789012/slipway',
  '--to': 'out/',
  '--gateway': 'http://slipway-gateway:8080',
  '--deployment': 'checkout',
  '--key': 'model.pem',
  'export dvc --to': 'data/rows.csv.dvc',
  'schedule backfill --from': '2001-06-01',
  'schedule backfill --to': '2001-06-30',
}

/** Of commands that need one of several options: one of them. */
const oneOf: Readonly<Record<string, readonly string[]>> = { package: ['--edge', 'flights@3'] }

/** A command that does something, as commander knows it. */
export interface EachCommand {
  /** `rollout status` */
  readonly name: string
  readonly command: Usage
  /** Its arguments in order, each with something that it takes. */
  readonly args: readonly { readonly name: string; readonly sample: string }[]
  /** Options that must be given, with values. */
  readonly required: readonly string[]
  readonly hasJson: boolean
}

/** Every command of the tree, the groups left out. @throws where an argument has no sample here */
export function everyCommand(): EachCommand[] {
  const below = (command: Usage, path: readonly string[]): EachCommand[] => {
    const children = (command.commands as Usage[]).flatMap((each) => below(each, [...path, each.name()]))
    const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0
    return path.length === 0 || isGroup ? children : [each(path.join(' '), command), ...children]
  }
  return below(slipwayUsage(), [])
}

function each(name: string, command: Usage): EachCommand {
  const sampleOf = (what: string): string => {
    const sample = samples[`${name} ${what}`] ?? samples[what]
    if (sample === undefined) throw new Error(`test/support/every-command.ts has no sample for ${what} of "${name}"`)
    return sample
  }
  return {
    name,
    command,
    args: command.registeredArguments.map((argument) => ({ name: argument.name(), sample: sampleOf(argument.name()) })),
    required: [
      ...command.options
        .filter(({ mandatory }) => mandatory)
        .flatMap(({ long }) => [long as string, sampleOf(long as string)]),
      ...(oneOf[name] ?? []),
    ],
    hasJson: command.options.some(({ long }) => long === '--json'),
  }
}
