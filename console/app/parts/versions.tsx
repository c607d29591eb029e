import type { ModelVersionsDocument } from '../../../client/models.ts'
import { Table } from './table.tsx'
import { number, short, When } from './words.tsx'

/** The versions of a model, the newest first. @param now the one that is looked at */
export function Versions({ name, versions, now }: ModelVersionsDocument & { readonly now?: number }) {
  const metrics = [...new Set(versions.flatMap((version) => Object.keys(version.metrics ?? {})))].slice(0, 4)
  return (
    <Table
      label={`Versions of ${name}`}
      columns={[
        'version',
        'alias',
        ...metrics.map((metric) => ({ name: metric, isNumber: true })),
        'run',
        'registered',
        'digest',
      ]}
      rows={versions.toReversed().map((version) => ({
        key: String(version.version),
        ...(version.version === now && { class: 'here' }),
        cells: [
          <a key="version" href={`/models/${name}/${version.version}`}>
            {name}@{version.version}
          </a>,
          [
            ...version.aliases,
            ...(version.deterministic === false ? ['not deterministic'] : []),
            ...(version.refused === undefined ? [] : [`rejected by ${version.refused.by}`]),
          ].join(', '),
          ...metrics.map((metric) => {
            const value = version.metrics?.[metric]
            return value === undefined ? '' : number(value)
          }),
          version.run === undefined ? (
            ''
          ) : (
            <a key="run" href={`/runs/${version.run}`}>
              {version.run}
            </a>
          ),
          version.registeredAt === undefined ? '' : <When key="at" at={version.registeredAt} />,
          <code key="digest">{short(version.digest)}</code>,
        ],
      }))}
    />
  )
}
