import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'

const [root = '', name = ''] = process.argv.slice(2)
console.log(canonicalJson((await planPipeline(root, name, hostVersions())).plan))
