// Builds and checks the documentation: node scripts/run.mjs scripts/docs.ts [--check]
import { join, relative } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { faultsOf } from './docs/checks.ts'
import { staleReferences, writeReferences } from './docs/references.ts'
import { readDocumentation } from './docs/site-map.ts'
import { writeSite } from './docs/write-site.ts'

const isCheck = process.argv.includes('--check')
const stale = isCheck ? staleReferences(packageRoot) : []
if (!isCheck) for (const file of writeReferences(packageRoot)) console.log(`${file} is written anew`)
const docs = readDocumentation(packageRoot)
const faults = [...stale.map(({ file }) => `${file} is not what its sources say: npm run docs`), ...faultsOf(docs)]
for (const fault of faults) console.error(fault)
if (faults.length > 0) {
  console.error(`${faults.length} faults: nothing was built`)
  process.exit(1)
}
if (isCheck) console.log(`${docs.pages.size} pages are in order`)
else {
  const site = join(packageRoot, 'site')
  console.log(`${writeSite(docs, site)} pages in ${relative(process.cwd(), join(site, 'contents.html'))}`)
}
