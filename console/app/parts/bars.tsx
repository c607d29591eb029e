/** Values as bars with their names: what is longest is at the top. */
export function Bars({
  label,
  rows,
}: {
  readonly label: string
  readonly rows: readonly { readonly name: string; readonly value: number; readonly words: string }[]
}) {
  const most = Math.max(1e-12, ...rows.map(({ value }) => value))
  return (
    <table class="bars" aria-label={label}>
      <tbody>
        {rows.map(({ name, value, words }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="now" width={Math.max(0.4, (100 * Math.max(0, value)) / most)} height="10" />
              </svg>
            </td>
            <td class="number">{words}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
