import { render } from 'preact'
import { findPage, pages } from './pages.tsx'
import { Head } from './parts/page.tsx'
import { followLinks, usePath } from './router.ts'
import { Shell } from './shell.tsx'

function App() {
  const path = usePath()
  const found = findPage(path)
  document.title =
    found === undefined ? 'Slipway' : `${[...Object.values(found.parts), found.entry.name].join(' · ')} · Slipway`
  const Page = found?.entry.page
  return (
    <>
      <Shell pages={pages} page={found?.entry} />
      <main id="main" tabIndex={-1}>
        {Page === undefined ? (
          <Head title="There is no such page" sentence={<a href="/">To the pipelines</a>} />
        ) : (
          <Page key={path} of={found?.parts ?? {}} />
        )}
      </main>
    </>
  )
}

followLinks()
render(<App />, document.getElementById('app') as HTMLElement)
