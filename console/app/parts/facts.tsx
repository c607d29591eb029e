import type { ComponentChildren } from 'preact'

/** A few figures with their names. */
export function Facts({ children }: { readonly children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>
}

export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
