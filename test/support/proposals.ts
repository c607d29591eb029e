import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packageRoot } from '../../lib/code/host.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { type Asked, type Proposal, propose } from '../../lib/proposal/propose.ts'
import { readTable } from '../../lib/proposal/read-table.ts'
import { chooseTarget } from '../../lib/proposal/target.ts'

/** What is proposed for a file with these bytes. */
export async function proposalFor(
  content: string | Uint8Array,
  asked: Asked = {},
  file = 'rows.csv',
): Promise<Proposal> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-proposal-'))
  try {
    const path = join(folder, file)
    writeFileSync(path, content)
    return await withDuckDb(1, async (connection) => {
      const { profile, relationsTo } = await readTable(connection, path, `data/${file}`)
      const { column } = chooseTarget(profile, asked.target)
      return propose(profile, await relationsTo(column.name), asked)
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What is said of a column or of the table, in one text. */
export const saidOf = ({ guesses }: Proposal, about: string): string =>
  guesses
    .filter((guess) => guess.about === about)
    .map(({ says }) => says)
    .join('; ')

/** Writes files below a folder. */
export function writeFiles(root: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  for (const [file, content] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), content)
  }
}

/** Packages of a project, as links to those that these tests run on: nothing is installed. */
export function linkPackages(root: string): void {
  const packages = {
    slipway: packageRoot,
    ...Object.fromEntries(own.map((name) => [name, join(packageRoot, 'node_modules', name)])),
  }
  for (const [name, folder] of Object.entries(packages)) {
    const link = join(root, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(folder, link)
  }
}
const own = ['zod', 'vitest', 'typescript', '@types/node']
