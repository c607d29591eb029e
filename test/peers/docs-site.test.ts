import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { readDocumentation } from '../../scripts/docs/site-map.ts'
import { writeSite } from '../../scripts/docs/write-site.ts'
import { type BrowserPage, findChromium, openBrowser } from '../support/chromium.ts'

/*
 * The site as somebody meets it: as files, without a server, in a real browser.
 */
const chromium = findChromium()
const require = createRequire(import.meta.url)
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'slipway-site-'))
const addressOf = (file: string): string => pathToFileURL(join(folder, file)).href

let page: BrowserPage
let close: (() => Promise<void>) | undefined
beforeAll(async () => {
  writeSite(readDocumentation(packageRoot), folder)
  if ('missing' in chromium) return
  const browser = await openBrowser(chromium.path)
  page = browser.page
  close = browser.close
})
afterAll(async () => {
  await close?.()
  rmSync(folder, { recursive: true, force: true })
})

/**
 * What axe finds against WCAG 2.1 A and AA, and its best practices. It would fetch the style sheet, which the pages let
 * nobody do.
 */
const findings = async (): Promise<string[]> => {
  await page.evaluate(`${axe}; true`)
  return page.evaluate(
    `axe.run(document, { preload: false }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ target }) => target).join(' ')))`,
  )
}

describe.skipIf('missing' in chromium)('the site of the documentation', () => {
  it.each([
    'contents.html',
    'index.html',
    'docs/definition.html',
    'docs/reference/cli.html',
    'docs/understanding/comparison.html',
    'CHANGELOG.html',
  ])('has nothing that axe finds, by day and by night: %s', async (file) => {
    await page.open(addressOf(file))
    for (const scheme of ['light', 'dark']) {
      await page.evaluate(`document.documentElement.style.colorScheme = '${scheme}'`)
      expect(await findings(), scheme).toEqual([])
    }
    expect(page.errors).toEqual([])
  })

  it('fits a phone, a tablet and a desk: only tables and code scroll by themselves', async () => {
    for (const [width, height] of [
      [375, 740],
      [800, 1100],
      [1400, 900],
    ] as const)
      for (const file of ['index.html', 'contents.html', 'docs/batch.html']) {
        await page.open(addressOf(file))
        const picture = await page.screenshot(width, height)
        const { SITE_PICTURES } = process.env
        if (SITE_PICTURES !== undefined) {
          mkdirSync(SITE_PICTURES, { recursive: true })
          writeFileSync(join(SITE_PICTURES, `${file.replaceAll('/', '-')}-${width}.png`), picture)
        }
        expect(await page.evaluate('document.documentElement.scrollWidth'), `${file} at ${width}`).toBe(width)
      }
  })

  it('is searched by keyboard, without a network', async () => {
    await page.online(false)
    await page.open(addressOf('docs/batch.html'))
    await page.evaluate(`document.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))`)
    expect(await page.evaluate('document.activeElement.id')).toBe('search')
    await page.evaluate(
      `document.activeElement.value = 'baseline profile'; document.activeElement.dispatchEvent(new Event('input'))`,
    )
    const found: string[] = await page.evaluate(`new Promise((resolve) => {
      const look = () => {
        const links = [...document.querySelectorAll('#found a')].map(({ href }) => href)
        if (links.length > 0) resolve(links)
        else setTimeout(look, 50)
      }
      look()
    })`)
    expect(found).toContain(addressOf('docs/definition.html').concat('#steps'))
    const press = (key: string) =>
      page.evaluate(
        `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true }))`,
      )
    await press('ArrowDown')
    expect(await page.evaluate('document.activeElement.href')).toBe(found[0])
    await press('Escape')
    expect(await page.evaluate(`document.getElementById('found').hidden`)).toBe(true)
    await page.online(true)
    expect(page.errors).toEqual([])
  })
})

it.runIf('missing' in chromium)('needs a browser', (context) =>
  context.skip('missing' in chromium ? chromium.missing : ''),
)
