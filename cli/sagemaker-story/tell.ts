import { join } from 'node:path'
import { exitCodes, SlipwayError } from '../../lib/formats/errors.ts'
import { stopPlatform } from '../../workers/platform/platform.ts'
import { makePlatformFolder, platformFolder } from '../../workers/platform/state.ts'
import { findRoot } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import { print, printJson, say, seconds } from '../output.ts'
import { score } from './batch.ts'
import { cleanUp } from './end.ts'
import { openFake } from './fake.ts'
import { openPlace, type StoryPlace, storeOf } from './place.ts'
import { promote, rollBack } from './rollouts.ts'
import { trainAndDeploy } from './runs.ts'
import { Telling } from './telling.ts'

/**
 * Tells how a model lives on SageMaker, against a fake of it: trained, approved, deployed, rolled out, rolled back and
 * scored with there, with workers killed in the middle. It has a project, a platform and a fake of its own, which end
 * with it; all that it says was asked of them.
 * @returns the exit code: 0 if everything came true
 * @throws SlipwayError USAGE where the fake cannot run
 */
export async function tellSageMakerStory(options: { readonly json?: boolean }): Promise<number> {
  const started = Date.now()
  const root = findRoot()
  const own = join(platformFolder(root), 'sagemaker-fake')
  const telling = new Telling()
  const interrupt = listenForEnd()
  say(colors.dim('  starting a fake of SageMaker'))
  const fake = await openFake()
  makePlatformFolder(root)
  let calls: Record<string, number> = {}
  let place: StoryPlace | undefined
  const tell = async (): Promise<void> => {
    place = await openPlace(own, fake.address, (line) => say(colors.dim(line)))
    await fake.tell('store', storeOf(own))
    const scene = { fake, place, telling }
    for (const chapter of [trainAndDeploy, promote, rollBack, score, cleanUp]) await chapter(scene)
  }
  try {
    await Promise.race([tell(), interrupt.happened])
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    telling.fact((error as Error).message, false)
  } finally {
    calls = await fake.counts().catch(() => ({}))
    interrupt.stopListening()
    place?.endCommands()
    await stopPlatform(own, () => {})
    await fake.stop()
  }
  const code = telling.holds ? exitCodes.done : exitCodes.internal
  print('')
  print(
    telling.holds
      ? `all of it came true, in ${seconds((Date.now() - started) / 1000)}; nothing runs any more, what it left is in ${own}`
      : colors.red(`not all of it came true: the logs are in ${join(own, '.slipway/logs')}`),
  )
  if (options.json === true) printJson({ chapters: telling.chapters, calls, holds: telling.holds, exitCode: code })
  return code
}

/** Ctrl-C ends the story, and what it started with it. */
function listenForEnd(): { happened: Promise<never>; stopListening(): void } {
  let end: () => void = () => {}
  const happened = new Promise<never>((_, reject) => {
    end = () => reject(new SlipwayError('INTERRUPTED', 'interrupted; what was started for the story is ended'))
  })
  happened.catch(() => {})
  process.on('SIGINT', end)
  return { happened, stopListening: () => void process.off('SIGINT', end) }
}
