import { type LoadedModel, type LocalModel, loadModel } from './model.ts'

type Loaded<Locals extends readonly (LocalModel | undefined)[]> = {
  readonly [Place in keyof Locals]: LoadedModel | (Locals[Place] extends LocalModel ? never : undefined)
}

/**
 * Loads models for a piece of work, and releases every one that was opened when it ends, also where it fails or a later
 * one does not load.
 */
export async function withModels<const Locals extends readonly (LocalModel | undefined)[], Result>(
  locals: Locals,
  use: (...models: Loaded<Locals>) => Promise<Result>,
): Promise<Result> {
  const models: (LoadedModel | undefined)[] = []
  try {
    for (const local of locals) models.push(local === undefined ? undefined : await loadModel(local))
    return await use(...(models as unknown as Loaded<Locals>))
  } finally {
    await Promise.all(models.map((model) => model?.release()))
  }
}
