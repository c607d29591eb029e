import { hostVersions } from '../../code/host.ts'
import { planPipeline } from '../../code/plan.ts'
import { canonicalJson } from '../../pipelines/canonical.ts'

const [root = '', name = ''] = process.argv.slice(2)
console.log(canonicalJson((await planPipeline(root, name, hostVersions())).plan))
