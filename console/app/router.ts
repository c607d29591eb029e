import { useEffect, useState } from 'preact/hooks'

const changed = new EventTarget()

/** Goes to another page of ours, without loading anything. */
export function go(path: string): void {
  if (path === location.pathname + location.search) return
  history.pushState(null, '', path)
  changed.dispatchEvent(new Event('path'))
  scrollTo(0, 0)
}

/** The path of the page that is shown. */
export function usePath(): string {
  const [path, setPath] = useState(location.pathname)
  useEffect(() => {
    const look = (): void => setPath(location.pathname)
    changed.addEventListener('path', look)
    addEventListener('popstate', look)
    return () => {
      changed.removeEventListener('path', look)
      removeEventListener('popstate', look)
    }
  }, [])
  return path
}

/** Links to pages of ours change the page and load nothing; with a key held they do what links do. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a, [data-href]')
    if (link === null || event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const href = link.getAttribute('href') ?? link.getAttribute('data-href') ?? ''
    if (href.startsWith('#') && link.localName !== 'a') location.hash = href
    if (!href.startsWith('/')) return
    event.preventDefault()
    go(href)
  })
}
