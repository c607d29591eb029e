import { condition } from '@temporalio/workflow'

/** Does nothing, for ever: its memo says which store the workflows of this namespace work with. */
export async function rememberStore(): Promise<void> {
  await condition(() => false)
}
