import {
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  ListEndpointConfigsCommand,
  ListModelsCommand,
  ListTagsCommand,
} from '@aws-sdk/client-sagemaker'
import { isNotFound, sageMakerError } from '../../sagemaker/faults.ts'
import type { DesiredState } from './desired-state.ts'
import type { Hosts } from './hosted-endpoint.ts'
import { modelNameOf, stemOf } from './requests.ts'

/** Something with a name in SageMaker. */
interface Named {
  readonly name: string
  readonly arn: string
}

/**
 * Removes the endpoint's own models and configurations that nothing names any more: neither what it serves, nor the
 * version before, nor a rollout. What cannot be removed stays until the next time, and is said: it serves nothing.
 * @param config in force
 */
export async function cleanUp(hosts: Hosts, endpoint: string, desired: DesiredState, config: string): Promise<void> {
  const { production, shadow, kept, hosting } = desired
  const models = new Set([
    ...[...production, ...shadow].map((each) => modelNameOf(endpoint, each.version, each.hosting)),
    ...kept.map((version) => modelNameOf(endpoint, version, version.hosting ?? hosting)),
  ])
  try {
    const { sageMaker } = hosts.clients
    // A model that a configuration names is removed after it.
    for (const each of await configsOf(hosts, endpoint))
      if (each.name !== config && (await isOwn(hosts, endpoint, each)))
        await gone(sageMaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: each.name })))
    for (const each of await modelsOf(hosts, endpoint))
      if (!models.has(each.name) && (await isOwn(hosts, endpoint, each)))
        await gone(sageMaker.send(new DeleteModelCommand({ ModelName: each.name })))
  } catch (error) {
    const { message } = sageMakerError(error, `to remove what ${endpoint} does not use any more`)
    console.error(`${message}: it stays, and is tried again when ${endpoint} changes`)
  }
}

async function configsOf({ clients }: Hosts, endpoint: string): Promise<Named[]> {
  const found: Named[] = []
  let NextToken: string | undefined
  do {
    const command = new ListEndpointConfigsCommand({ NameContains: stemOf(endpoint), MaxResults: 100, NextToken })
    const page = await clients.sageMaker.send(command)
    for (const { EndpointConfigName: name = '', EndpointConfigArn: arn = '' } of page.EndpointConfigs ?? [])
      found.push({ name, arn })
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  return found
}

async function modelsOf({ clients }: Hosts, endpoint: string): Promise<Named[]> {
  const found: Named[] = []
  let NextToken: string | undefined
  do {
    const command = new ListModelsCommand({ NameContains: stemOf(endpoint), MaxResults: 100, NextToken })
    const page = await clients.sageMaker.send(command)
    for (const { ModelName: name = '', ModelArn: arn = '' } of page.Models ?? []) found.push({ name, arn })
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  return found
}

/** Whether Slipway made something for this endpoint: names may begin alike. */
async function isOwn({ clients }: Hosts, endpoint: string, { arn }: Named): Promise<boolean> {
  const { Tags = [] } = await clients.sageMaker.send(new ListTagsCommand({ ResourceArn: arn })).catch((error) => {
    if (isNotFound(error)) return { Tags: [] }
    throw error
  })
  return Tags.some(({ Key, Value }) => Key === 'slipway:endpoint' && Value === endpoint)
}

const gone = (deletion: Promise<unknown>): Promise<unknown> =>
  deletion.catch((error) => {
    if (!isNotFound(error)) throw error
  })
