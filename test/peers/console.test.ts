import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenFile } from '../../console/token.ts'
import { type BrowserPage, findChromium, openBrowser } from '../support/chromium.ts'
import { type BegunCommand, beginSlipway } from '../support/cli.ts'
import { type ConsolePlace, openConsolePlace } from '../support/console-place.ts'
import { eventually } from '../support/gateways.ts'

/*
 * The console in a real browser, against a real platform with a rollout going on: every page at three widths and in
 * both colours, its figures beside the commands', its buttons beside the route.
 */
const chromium = findChromium()
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let place: ConsolePlace
let browser: Awaited<ReturnType<typeof openBrowser>>
let page: BrowserPage
let served: BegunCommand
let address: string

beforeAll(async () => {
  if ('missing' in chromium) return
  place = await openConsolePlace()
  const port = await getPort()
  address = `http://127.0.0.1:${port}`
  served = place.begin('console', '--port', String(port))
  await served.said('the console answers')
  browser = await openBrowser(chromium.path)
  page = browser.page
})
afterAll(async () => {
  await browser?.close()
  served?.interrupt()
  await served?.result
  await place?.close()
})

const text = (): Promise<string> => page.evaluate('document.querySelector("main").innerText')
/** Waits until the page says something. @throws what it says instead */
const shows = (words: RegExp, what = text): Promise<void> =>
  eventually(async () => words.test(await what()), 90_000).catch(async () => expect(await what()).toMatch(words))
const says = (words: string): Promise<void> => shows(new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
const everything = (): Promise<string> => page.evaluate('document.body.innerText')

/** Opens a page and waits until all of its documents are there. */
async function open(path: string): Promise<void> {
  await page.open(`${address}${path}`)
  await eventually(
    async () =>
      (await page.evaluate(
        'document.querySelectorAll("main h1").length === 1 && !document.querySelector(".reading")',
      )) as boolean,
  )
}

async function press(label: string): Promise<void> {
  const pressed = (): Promise<boolean> =>
    page.evaluate(
      `(() => { const all = [...document.querySelectorAll('dialog[open] button, main button')]; const found = all.find((each) => each.innerText.trim() === ${JSON.stringify(label)} && !each.disabled && (document.querySelector('dialog[open]') === null || each.closest('dialog') !== null)); found?.click(); return found !== undefined })()`,
    )
  await eventually(pressed, 90_000).catch(() => expect.fail(`there is no button "${label}"`))
}

const fill = (name: string, value: string): Promise<void> =>
  page.evaluate(
    `(() => { const input = document.querySelector('dialog[open] input[name=${name}]'); input.value = ${JSON.stringify(value)}; input.dispatchEvent(new Event('input', { bubbles: true })) })()`,
  )

// biome-ignore lint/suspicious/noExplicitAny: whatever a command prints
async function printed(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await place.run(...args, '--json')
  if (stdout === '') throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

/** Pages with something that each must say. */
const pages = (): [path: string, says: RegExp][] => [
  ['/', /Serves version 1 since/],
  ['/pipelines/loans', /Serves version 1 since/],
  ['/runs', /succeeded/],
  [`/runs/${place.runs.ended}`, /all 4000 rows keep the contract/],
  [`/runs/${place.runs.going}`, /trees 10→12/],
  [`/runs/${place.runs.asking}`, /waits for risk-lead/],
  ['/models', /version 1 is champion/],
  ['/models/loans/1', /from snapshot/],
  ['/endpoints', /version 1/],
  ['/endpoints/credit', /answers by the candidate/],
  ['/monitors', /no alarm/],
  ['/monitors/credit', /psi > 0\.2/],
  ['/batches', /2024-06-01/],
  ['/batches/loans/nightly/2024-06-01', /300 rows scored/],
  ['/schedules', /loans nightly/],
  ['/waiting', /waits for risk-lead/],
]

describe.skipIf('missing' in chromium)('the console', () => {
  it.each([390, 800, 1280])('shows every page at %i pixels, in both colours, to everybody', async (width) => {
    for (const colors of ['light', 'dark'] as const) {
      await page.look(width, colors)
      for (const [path, words] of pages()) {
        await open(path)
        await shows(words)
        const wide = await page.evaluate('document.documentElement.scrollWidth')
        expect(wide, `${path} is wider than ${width}`).toBeLessThanOrEqual(width)
        await page.evaluate(axe)
        const violations = await page.evaluate(
          'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html }) => html).join(" ")))',
        )
        expect(violations, `${path} at ${width}, ${colors}`).toEqual([])
      }
    }
    expect(page.errors).toEqual([])
  })

  it('shows what the command beside it prints, on every page', async () => {
    const compared = new Set<string>()
    for (const [path] of pages()) {
      await open(path)
      const commands: string[] = await page.evaluate(
        '[...document.querySelectorAll(".commands code")].map((each) => each.innerText)',
      )
      expect(commands.length, path).toBeGreaterThan(0)
      const events = page.requests.findLast((each) => each.startsWith(`${address}/api/events`)) ?? ''
      const paths = new URL(events).searchParams.getAll('of')
      for (const of of paths.filter((each) => each !== 'place' && !compared.has(each))) {
        compared.add(of)
        const { command, document } = (await (await fetch(`${address}/api/${of}`)).json()) as {
          command: string
          document: unknown
        }
        const args = command
          .replace(/^npx slipway /, '')
          .replace(/ --json$/, '')
          .split(' ')
        expect(timeless(document), command).toEqual(timeless(await printed(...args)))
      }
    }
    expect(compared.size).toBeGreaterThan(14)
  })

  it('goes on by itself: what a command changes is on the page without loading it again', async () => {
    await open('/endpoints/credit')
    await page.evaluate('window.same = true')
    await printed('rollout', 'pause', 'credit', '--reason', 'lunch')
    await says('paused by')
    await printed('rollout', 'resume', 'credit')
    await eventually(async () => !(await text()).includes(', paused'))
    expect(await page.evaluate('window.same')).toBe(true)
  })

  it('asks for the token once, and says what is wrong with another one', async () => {
    await open('/endpoints/credit')
    await press('Pause')
    await fill('reason', 'a look')
    await fill('token', 'not-the-token')
    await press('Pause')
    await shows(/token is missing or wrong/, () => page.evaluate('document.querySelector("dialog").innerText'))
    expect((await printed('rollout', 'status', 'credit')).rollout.paused).toBe(false)
    await fill('token', readFileSync(tokenFile(place.project.root), 'utf8'))
    await press('Pause')
    await says(': a look')
    expect((await printed('rollout', 'status', 'credit')).rollout).toMatchObject({
      paused: true,
      reason: expect.stringContaining('a look'),
    })
    await says('Resume')
    await press('Resume')
    expect(await page.evaluate('document.querySelector("dialog[open] input[name=token]")')).toBe(null)
    await press('Resume')
    await eventually(async () => !(await printed('rollout', 'status', 'credit')).rollout.paused)
  })

  it('promotes: the route is the candidate’s', async () => {
    await open('/endpoints/credit')
    await press('Promote')
    await fill('reason', 'I know better')
    await press('Promote')
    await says('Version 2 answers everything.')
    // The route changes first; then the rollout leaves its record.
    await says('I know better (by hand)')
    const { route, last } = await printed('rollout', 'status', 'credit')
    expect(route).toMatchObject({ champion: { version: 2 }, rollout: null })
    expect(last.decisions.at(-1)).toMatchObject({ action: 'promote', reason: 'I know better (by hand)' })
  })

  it('approves what waits: the run goes on and ends well', async () => {
    await open('/waiting')
    await press('Approve')
    await fill('reason', 'looked at it')
    await press('Approve')
    await says('Nobody is asked for anything')
    const { status } = await printed('wait', place.runs.asking)
    expect(status).toBe('succeeded')
  })

  it('rolls back: the champion stays', async () => {
    await place.again()
    await open('/endpoints/credit')
    await says('Version 2 is in force; version 3 answers 5 %')
    await press('Roll back')
    await fill('reason', 'not this one')
    await press('Roll back')
    await says('Version 2 answers everything.')
    await says('not this one')
    const { route, last } = await printed('rollout', 'status', 'credit')
    expect(route).toMatchObject({ champion: { version: 2 }, rollout: null })
    expect(last).toMatchObject({ outcome: 'rolled back', reason: expect.stringContaining('not this one') })
  })

  it('promotes and goes back without a rollout: what its rollout did not win, and the version before', async () => {
    const serves = (version: number) =>
      eventually(async () => (await printed('rollout', 'status', 'credit')).route.champion.version === version)
    await open('/endpoints/credit')
    await press('Promote version 3')
    await fill('reason', 'after all')
    await press('Promote version 3')
    await says('Version 3 answers everything.')
    await serves(3)
    await press('Go back to version 2')
    await press('Go back to version 2')
    await says('Version 2 answers everything.')
    await serves(2)
  })

  it('takes a candidate back though no worker answers, and says that none does', async () => {
    await place.again()
    const worker = place.worker.pid()
    process.kill(worker, 'SIGSTOP')
    try {
      await open('/endpoints/credit')
      await says('No worker answers how it stands')
      await says('Promote version 4')
      await press('Roll back')
      await fill('reason', 'nobody is there')
      await press('Roll back')
      await says('Version 2 answers everything.')
      const { route } = await printed('rollout', 'status', 'credit')
      expect(route).toMatchObject({ champion: { version: 2 }, rollout: null })
    } finally {
      process.kill(worker, 'SIGCONT')
    }
  })

  it('says that Temporal is away, shows what the store has, and comes back by itself', async () => {
    await place.killTemporal()
    await open('/models/loans/2')
    await shows(/Temporal does not answer/, everything)
    await says('from snapshot')
    await open('/endpoints/credit')
    await says('Version 2 answers everything.')
    await place.startTemporal()
    await eventually(async () => !/Temporal does not answer/.test(await page.evaluate('document.body.innerText')))
    // What the browser says of connections that end is no fault of the page.
    page.errors.length = 0
  })

  it('says that the store is away, and does not break', async () => {
    const [port, nobody] = [await getPort(), await getPort()]
    const other = beginSlipway(place.project.root, ['console', '--port', String(port)], {
      ...place.env,
      S3_ENDPOINT: `http://127.0.0.1:${nobody}`,
    })
    await other.said('the console answers')
    await page.open(`http://127.0.0.1:${port}/models`)
    await shows(/The store does not answer/, everything)
    await says('STORE_UNREACHABLE')
    other.interrupt()
    await other.result
  })

  it('can be used by keyboard: a link past the menu first, then keys that go from page to page', async () => {
    await open('/')
    await page.evaluate('document.body.focus()')
    for (const key of ['g', 'm']) await page.evaluate(`dispatchEvent(new KeyboardEvent('keydown', { key: '${key}' }))`)
    await says('Models')
    expect(await page.evaluate('location.pathname')).toBe('/models')
    expect(await page.evaluate('document.querySelector("a").innerText')).toBe('Skip to the page')
  })
})

/** Without what changes from one look to the next. */
function timeless(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document, (key, value) => (key === 'seconds' || key === 'page' ? undefined : value)))
}
