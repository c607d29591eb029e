import { useEffect, useState } from 'preact/hooks'
import type { Place } from '../place.ts'
import { useDocument, useServerAway } from './live.ts'
import type { PageEntry } from './pages.tsx'
import { go } from './router.ts'

/** What surrounds every page: the way around, what is away, the switch of its colours. */
export function Shell({ pages, page }: { readonly pages: readonly PageEntry[]; readonly page: PageEntry | undefined }) {
  const place = useDocument<Place>('place')
  const here = page?.under ?? page?.name
  useShortcuts(pages)
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="bar">
        <a class="mark" href="/">
          Slipway
        </a>
        <span class="soft project">{place.document?.project}</span>
        <nav aria-label="Pages">
          {pages
            .filter(({ key }) => key !== undefined)
            .map(({ name, path, key }) => (
              <a key={name} href={path} aria-current={name === here ? 'page' : undefined} title={`g ${key}`}>
                {name}
              </a>
            ))}
        </nav>
        <ThemeSwitch />
      </header>
      <Banner place={place.document} />
    </>
  )
}

function Banner({ place }: { readonly place: Place | undefined }) {
  const isAway = useServerAway()
  const { temporal = null, store = null } = place?.away ?? {}
  return (
    <div class="banners" role="status">
      {isAway && (
        <p class="banner">The console's server does not answer. What is shown is as it was; it goes on by itself.</p>
      )}
      {!isAway && store !== null && (
        <p class="banner">The store does not answer, so what is shown is as it was before. {store}</p>
      )}
      {!isAway && temporal !== null && (
        <p class="banner">
          Temporal does not answer: what goes on is not known now. What is in the store is shown.{' '}
          <span class="soft">{temporal}</span>
        </p>
      )}
    </div>
  )
}

type Theme = 'auto' | 'light' | 'dark'
const next: Readonly<Record<Theme, Theme>> = { auto: 'dark', dark: 'light', light: 'auto' }

function storedTheme(): Theme {
  const stored = localStorage.getItem('theme')
  return stored === 'light' || stored === 'dark' ? stored : 'auto'
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme())
  useEffect(() => {
    localStorage.setItem('theme', theme)
    document.documentElement.dataset.theme = theme
    dispatchEvent(new Event('theme'))
  }, [theme])
  return (
    <button type="button" class="theme" onClick={() => setTheme(next[theme])}>
      Colours: {theme}
    </button>
  )
}

/** `g r` goes to the runs, and so on; not where somebody writes. */
function useShortcuts(pages: readonly PageEntry[]): void {
  useEffect(() => {
    let isGoing = false
    const hear = (event: KeyboardEvent): void => {
      const { target, key } = event
      if (event.metaKey || event.ctrlKey || event.altKey) return
      if (target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return
      const found = isGoing ? pages.find((each) => each.key === key) : undefined
      isGoing = key === 'g' && !isGoing
      if (found !== undefined) go(found.path)
    }
    addEventListener('keydown', hear)
    return () => removeEventListener('keydown', hear)
  }, [pages])
}
