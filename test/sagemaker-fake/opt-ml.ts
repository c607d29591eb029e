import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Folders of a training container, on this machine. */
export const folderIn = (root: string) => ({
  config: join(root, 'input/config'),
  channel: (name: string): string => join(root, 'input/data', name),
  model: join(root, 'model'),
  output: join(root, 'output'),
  failure: join(root, 'output/failure'),
  checkpoints: join(root, 'checkpoints'),
})

export interface Channel {
  readonly ChannelName: string
  readonly ContentType?: string
  readonly InputMode?: string
  readonly DataSource: { readonly S3DataSource?: { readonly S3Uri: string; readonly S3DataDistributionType?: string } }
}

/** Writes what every container is told by files, as SageMaker does. */
export function writeConfiguration(
  root: string,
  told: {
    readonly hyperparameters: Readonly<Record<string, string>>
    readonly channels: readonly Channel[]
    readonly host: string
    readonly hosts: readonly string[]
    readonly instance: string
  },
): void {
  const { config, channel, model, output, checkpoints } = folderIn(root)
  for (const folder of [config, model, join(output, 'data'), checkpoints]) mkdirSync(folder, { recursive: true })
  const write = (name: string, content: unknown): void => writeFileSync(join(config, name), JSON.stringify(content))
  write('hyperparameters.json', told.hyperparameters)
  write(
    'inputdataconfig.json',
    Object.fromEntries(
      told.channels.map(({ ChannelName, ContentType, InputMode = 'File', DataSource }) => {
        mkdirSync(channel(ChannelName), { recursive: true })
        return [
          ChannelName,
          {
            ...(ContentType !== undefined && { ContentType }),
            TrainingInputMode: InputMode,
            S3DistributionType: DataSource.S3DataSource?.S3DataDistributionType ?? 'FullyReplicated',
            RecordWrapperType: 'None',
          },
        ]
      }),
    ),
  )
  write('resourceconfig.json', {
    current_host: told.host,
    current_instance_type: told.instance,
    current_group_name: 'homogeneousCluster',
    hosts: told.hosts,
    instance_groups: [{ instance_group_name: 'homogeneousCluster', instance_type: told.instance, hosts: told.hosts }],
    network_interface_name: 'lo',
  })
}

/** Folders side by side in one archive. */
export async function archive(folders: readonly string[], file: string): Promise<void> {
  const parts = folders.flatMap((folder) => {
    const names = readdirSync(folder)
    return names.length === 0 ? [] : ['-C', folder, ...names]
  })
  await run('tar', ['-czf', file, ...(parts.length === 0 ? ['-T', '/dev/null'] : parts)])
}
