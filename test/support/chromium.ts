import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** Chromium as this machine has it: `CHROMIUM_PATH`, or what it is called on most. */
export function findChromium(): { readonly path: string; readonly version: string } | { readonly missing: string } {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  for (const path of process.env.CHROMIUM_PATH === undefined ? names : [process.env.CHROMIUM_PATH]) {
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { path, version: stdout.trim() }
  }
  return { missing: 'there is no Chromium on this machine (CHROMIUM_PATH, chromium, google-chrome)' }
}

/** A page of a browser without a screen. */
export interface BrowserPage {
  open(url: string): Promise<void>
  /** The value of an expression, awaited. @throws Error with what it throws */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the expression gives
  evaluate(expression: string): Promise<any>
  /** Whether it has a network. */
  online(isOnline: boolean): Promise<void>
  /** The upper left of the page. @param width of the window, in pixels */
  screenshot(width: number, height: number): Promise<Buffer>
  /** Sets how wide its window is, and which colours its user prefers. */
  look(width: number, colors: 'light' | 'dark'): Promise<void>
  /** What the page said on its console as an error, and what it threw. */
  readonly errors: string[]
  /** Addresses that it asked for, those it still listens to among them. */
  readonly requests: readonly string[]
}

interface Message {
  readonly id?: number
  readonly method?: string
  // biome-ignore lint/suspicious/noExplicitAny: the protocol's
  readonly params?: any
  // biome-ignore lint/suspicious/noExplicitAny: the protocol's
  readonly result?: any
  readonly error?: { readonly message: string }
}

/** Speaks the Chrome DevTools Protocol over two pipes (chromedevtools.github.io), a JSON text and a zero byte each. */
function connection(child: ChildProcess) {
  const [, , , into, out] = child.stdio as unknown as [unknown, unknown, unknown, Writable, Readable]
  const waiting = new Map<number, (message: Message) => void>()
  const listeners: ((message: Message) => void)[] = []
  let rest = ''
  let last = 0
  out.setEncoding('utf8')
  out.on('data', (text: string) => {
    const parts = (rest + text).split('\0')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const message = JSON.parse(part) as Message
      if (message.id !== undefined) waiting.get(message.id)?.(message)
      else for (const listener of listeners) listener(message)
    }
  })
  return {
    listen: (listener: (message: Message) => void) => void listeners.push(listener),
    // biome-ignore lint/suspicious/noExplicitAny: the protocol's
    send: (method: string, params: object = {}, sessionId?: string): Promise<any> =>
      new Promise((resolve, reject) => {
        const id = ++last
        waiting.set(id, ({ result, error }) => {
          waiting.delete(id)
          if (error === undefined) resolve(result)
          else reject(new Error(`${method}: ${error.message}`))
        })
        into.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
      }),
  }
}

/** Starts a browser with one page; it ends with `close`, or with this process. */
export async function openBrowser(path: string): Promise<{ page: BrowserPage; close(): Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), 'slipway-chromium-'))
  const child = spawn(
    path,
    [
      ...['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--no-first-run'],
      // Tests may run as root, where its sandbox does not, and with little shared memory.
      ...['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking'],
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  )
  const { send, listen } = connection(child)
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
  const ask = (method: string, params: object = {}) => send(method, params, sessionId)
  const errors: string[] = []
  const requests: string[] = []
  let loaded = (): void => {}
  listen(({ method, params }) => {
    if (method === 'Page.loadEventFired') loaded()
    if (method === 'Network.requestWillBeSent') requests.push(params.request.url)
    if (method === 'Runtime.exceptionThrown') errors.push(params.exceptionDetails.exception?.description)
    // What its policy of contents forbids, and what could not be loaded.
    if (method === 'Log.entryAdded' && params.entry.level === 'error')
      errors.push(`${params.entry.text} ${params.entry.url ?? ''}`)
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') errors.push(JSON.stringify(params.args))
  })
  for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await ask(`${domain}.enable`)
  return {
    page: {
      errors,
      requests,
      async open(url) {
        const load = new Promise<void>((resolve) => {
          loaded = resolve
        })
        const { errorText } = await ask('Page.navigate', { url })
        if (errorText !== undefined) throw new Error(`${url}: ${errorText}`)
        await load
      },
      async evaluate(expression) {
        const options = { expression, awaitPromise: true, returnByValue: true }
        const { result, exceptionDetails } = await ask('Runtime.evaluate', options)
        if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description)
        return result.value
      },
      online: (isOnline) =>
        ask('Network.emulateNetworkConditions', {
          offline: !isOnline,
          latency: 0,
          downloadThroughput: -1,
          uploadThroughput: -1,
        }),
      async look(width, colors) {
        await ask('Emulation.setDeviceMetricsOverride', {
          width,
          height: 900,
          deviceScaleFactor: 1,
          mobile: width < 600,
        })
        await ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: colors }] })
      },
      async screenshot(width, height) {
        await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 })
        const clip = { x: 0, y: 0, width, height, scale: 1 }
        const { data } = await ask('Page.captureScreenshot', { captureBeyondViewport: true, clip })
        return Buffer.from(data, 'base64')
      },
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      await send('Browser.close').catch(() => child.kill('SIGKILL'))
      await ended
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}
