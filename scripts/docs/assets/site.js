// The search: its index is fetched when somebody asks first, and works without a network.
const root = document.documentElement.dataset.root ?? ''
const input = document.getElementById('search')
const found = document.getElementById('found')
let engine

const script = (address) =>
  new Promise((resolve, reject) => {
    const element = document.createElement('script')
    element.src = `${root}${address}`
    element.onload = resolve
    element.onerror = () => reject(new Error(`${address} is not there`))
    document.head.append(element)
  })

async function load() {
  await Promise.all([script('assets/minisearch.js'), script('assets/search-index.js')])
  const { index, options } = globalThis.slipwaySearch
  return globalThis.MiniSearch.loadJSON(index, options)
}

async function search() {
  const words = input.value.trim()
  engine ??= load()
  const results = words === '' ? [] : (await engine).search(words, { prefix: true, fuzzy: 0.15, boost: { title: 3 } })
  if (words !== input.value.trim()) return
  found.replaceChildren(
    ...results.slice(0, 12).map(({ id, title, page }) => {
      const item = document.createElement('li')
      const link = document.createElement('a')
      link.href = `${root}${id}`
      link.textContent = title === page ? title : `${page}: ${title}`
      item.append(link)
      return item
    }),
  )
  if (words !== '' && results.length === 0) {
    const item = document.createElement('li')
    item.textContent = 'Nothing has these words'
    found.append(item)
  }
  found.hidden = words === ''
}

input.addEventListener('input', search)
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== input) {
    event.preventDefault()
    input.focus()
  } else if (event.key === 'Escape' && document.activeElement?.closest('.search')) {
    input.value = ''
    found.hidden = true
    input.blur()
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && document.activeElement?.closest('.search')) {
    const stops = [input, ...found.querySelectorAll('a')]
    const next = stops[stops.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1)]
    if (next !== undefined) {
      event.preventDefault()
      next.focus()
    }
  }
})
// On a narrow screen the parts are closed until somebody opens them.
if (matchMedia('(max-width: 60rem)').matches)
  for (const part of document.querySelectorAll('nav.parts details')) part.open = false
