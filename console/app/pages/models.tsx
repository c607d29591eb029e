import type { ModelVersionsDocument } from '../../../client/models.ts'
import { useDocument } from '../live.ts'
import { Empty, Head, Section, Shown } from '../parts/page.tsx'
import { Versions } from '../parts/versions.tsx'

/** All models with their versions and aliases. */
export function Models() {
  const seen = useDocument<readonly ModelVersionsDocument[]>('models')
  return (
    <>
      <Head title="Models" seen={[seen]} />
      <Shown of={seen}>
        {(models) =>
          models.length === 0 ? (
            <Empty command="npx slipway run <pipeline> --wait">No model is registered yet.</Empty>
          ) : (
            models.map((model) => (
              <Section
                key={model.name}
                title={model.name}
                aside={model.champion === null ? 'no champion' : `version ${model.champion} is champion`}
              >
                <Versions {...model} />
              </Section>
            ))
          )
        }
      </Shown>
    </>
  )
}
