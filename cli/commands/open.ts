import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { readModelReport } from '../../client/model.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { modelPage } from '../../lib/reports/model-page.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say } from '../output.ts'

/**
 * `open flights@3`: the report of a model version, or of what a run packaged, as a page that needs nothing else, shown
 * in the browser.
 * @param options html: where the page is written to; with it, or as a document, no browser is opened
 */
export async function open(what: string, options: JsonOption & { readonly html?: string }): Promise<number> {
  const context = openContext()
  say(`gathering what is on record about ${what}`)
  const report = await readModelReport(context, what)
  const page = modelPage(report)
  const name = `${report.model}-${report.version ?? shortDigest(report.digest)}.html`
  const file = resolve(options.html ?? join(context.settings.root, '.slipway', 'reports', name))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, page)
  if (options.json === true) printJson({ page: file, report })
  else {
    if (options.html === undefined) openInBrowser(file)
    print(file)
  }
  return 0
}

/** Where there is no browser, or nobody to look at one, the file's name has to do. */
function openInBrowser(file: string): void {
  if (process.env.CI !== undefined || process.stdout.isTTY !== true) return
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open'
  const child = spawn(opener, [file], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
