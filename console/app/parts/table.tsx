import type { ComponentChildren } from 'preact'

export interface Column {
  readonly name: string
  /** Numbers stand at the right. */
  readonly isNumber?: boolean
}

/** A table that scrolls by itself where a phone is narrower; by keyboard too. */
export function Table({
  label,
  columns,
  rows,
}: {
  readonly label: string
  readonly columns: readonly (string | Column)[]
  readonly rows: readonly {
    readonly key: string
    readonly cells: readonly ComponentChildren[]
    readonly class?: string
  }[]
}) {
  const all = columns.map((column) => (typeof column === 'string' ? { name: column } : column))
  const kind = (i: number): string => (all[i]?.isNumber === true ? 'number' : '')
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {all.map(({ name }, i) => (
              <th key={name} scope="col" class={kind(i)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells, class: name }) => (
            <tr key={key} id={`row-${key}`} class={name}>
              {cells.map((cell, i) => (
                <td key={i} class={kind(i)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
