// Builds and checks the documentation: node scripts/run.mjs scripts/docs.ts [--check]
import { join, relative } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { faultsOf } from './docs/checks.ts'
import { readDocumentation } from './docs/site-map.ts'
import { writeSite } from './docs/write-site.ts'

const docs = readDocumentation(packageRoot)
const faults = faultsOf(docs)
for (const fault of faults) console.error(fault)
if (faults.length > 0) {
  console.error(`${faults.length} faults: nothing was built`)
  process.exit(1)
}
if (process.argv.includes('--check')) console.log(`${docs.pages.size} pages are in order`)
else {
  const site = join(packageRoot, 'site')
  console.log(`${writeSite(docs, site)} pages in ${relative(process.cwd(), join(site, 'contents.html'))}`)
}
