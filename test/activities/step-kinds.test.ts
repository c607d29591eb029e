import { describe, expect, it } from 'vitest'
import { createActivities } from '../../activities/index.ts'
import type { ActivityDeps } from '../../activities/step.ts'
import { stepKinds } from '../../lib/formats/step-kinds/index.ts'
import type { StepKindEntry } from '../../lib/formats/step-kinds/step-kind.ts'

const activities: Readonly<Record<string, unknown>> = createActivities({} as ActivityDeps)
const kinds: Readonly<Record<string, StepKindEntry>> = stepKinds

describe('the table of step kinds', () => {
  it.each(Object.entries(kinds))(
    'says how a step of kind %s is carried out: by an activity that is there',
    (_, kind) => {
      if (kind.activity !== undefined) expect(activities[kind.activity.name]).toBeInstanceOf(Function)
      // What has no activity the workflow does, and looks at the world as it is then.
      else expect(kind.always).toBeInstanceOf(Function)
    },
  )

  it.each(Object.entries(kinds))('names fields of %s that there are, and calls it by its kind', (name, kind) => {
    const fields = Object.keys(kind.shape.shape)
    expect(fields).toEqual(expect.arrayContaining([...kind.refs, ...(kind.schemas ?? []), ...(kind.notInKey ?? [])]))
    expect(kind.shape.shape.kind).toMatchObject({ value: name })
  })
})
