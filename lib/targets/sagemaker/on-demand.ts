import { tmpdir } from 'node:os'
import type { ReadCaptured } from '../../formats/sagemaker-capture.ts'
import type { StagePackageDeps } from '../../models/stage-package.ts'
import type { Store } from '../../store/store.ts'
import type { Target } from '../target.ts'
import { paceOf } from './pace.ts'

/** Whose signatures packages go with, where they are packed, and how requests are read that SageMaker writes down. */
export type Packing = Omit<StagePackageDeps, 'store'> & { readonly readCaptured?: ReadCaptured | undefined }

/** For processes that bring no package anywhere: what plans, or goes back. */
export const noPacking: Packing = { trusted: new Map(), signer: undefined, scratch: tmpdir() }

/** The target of SageMaker, whose clients are loaded when it is first asked for something: few processes ever do. */
export function sageMakerOnDemand(store: Store, packing: Packing): Target {
  const pace = paceOf(process.env)
  let made: Promise<Target> | undefined
  const target = (): Promise<Target> => {
    made ??= make()
    return made
  }
  const make = async (): Promise<Target> => {
    const [{ sageMakerTarget }, { sageMakerClients }, { stagePackage }] = await Promise.all([
      import('./target.ts'),
      import('../../sagemaker/clients.ts'),
      import('../../models/stage-package.ts'),
    ])
    return sageMakerTarget({
      store,
      pace,
      readCaptured: packing.readCaptured,
      // Whoever asks is asked again by Temporal: it must hear of a throttled account before its time is over.
      clients: sageMakerClients({ tries: 15_000 }),
      archive: (version) => stagePackage({ store, ...packing }, version),
    })
  }
  return {
    kind: 'sagemaker',
    pace: { everyMs: pace.everyMs, patienceMs: pace.patienceMs },
    look: async (endpoint) => (await target()).look(endpoint),
    apply: async (route) => (await target()).apply(route),
    readBack: async (route) => (await target()).readBack(route),
    evidence: async (endpoint, since) => (await target()).evidence(endpoint, since),
  }
}
