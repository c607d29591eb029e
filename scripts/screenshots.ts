import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { packageRoot } from '../lib/code/host.ts'
import { findChromium, openBrowser } from '../test/support/chromium.ts'
import { beginSlipway } from '../test/support/cli.ts'
import { openConsolePlace } from '../test/support/console-place.ts'
import setup from '../test/support/global-setup.ts'

/**
 * Makes the pictures of README and docs/console.md: a real platform with a rollout going on, seen by a real browser.
 * Usage: npm run screenshots
 */
const width = 1280
/** More than this, and a page that shows it is slow to open. */
const mostBytes = 150_000

const chromium = findChromium()
if ('missing' in chromium) throw new Error(chromium.missing)
const endServers = await setup()
const place = await openConsolePlace({ steps: [25, 50], minSamples: 2_000 })
// Traffic that the candidate answers its share of.
await place.run('traffic', 'credit', '--from', 'data/loans.parquet', '--rate', '100', '--for', '12s', '--json')
const port = await getPort()
// The page says how the folder of its project is called.
const folder = mkdtempSync(join(tmpdir(), 'slipway-pictures-'))
const project = join(folder, 'my-models')
symlinkSync(place.project.root, project)
const served = beginSlipway(project, ['console', '--port', String(port)], { ...place.env, SLIPWAY_ROOT: project })
await served.said('the console answers')
const { page, close } = await openBrowser(chromium.path)
try {
  const pictures = join(packageRoot, 'docs', 'images')
  mkdirSync(pictures, { recursive: true })
  await page.look(width, 'light')
  for (const [name, path, height] of [
    ['overview', '/', 560],
    ['run', `/runs/${place.runs.going}`, 665],
    ['rollout', '/endpoints/credit', 795],
  ] as const) {
    await page.open(`http://127.0.0.1:${port}${path}`)
    while (!(await page.evaluate('document.querySelector("main h1") && !document.querySelector(".reading")')))
      await new Promise((resolve) => setTimeout(resolve, 100))
    await page.evaluate('document.documentElement.style.scrollbarWidth = "none"')
    const picture = await page.screenshot(width, height)
    if (picture.length > mostBytes) throw new Error(`${name}.png has ${picture.length} bytes, more than ${mostBytes}`)
    writeFileSync(join(pictures, `${name}.png`), picture)
    console.log(`docs/images/${name}.png  ${width} × ${height}, ${picture.length} bytes`)
  }
} finally {
  await close()
  served.interrupt()
  await served.result
  rmSync(folder, { recursive: true })
  await place.close()
  await endServers()
}
