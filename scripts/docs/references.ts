import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliReference } from './cli-reference.ts'
import { clientEntries, clientReference } from './client-reference.ts'
import { declarationsOf } from './declarations.ts'
import { definitionEntries, definitionReference, extensionReference, otherEntries } from './definition-reference.ts'

/** Pages that are written from sources, by their file. */
export function referencesOf(root: string): Readonly<Record<string, string>> {
  const entries = [...definitionEntries, ...Object.values(otherEntries), ...clientEntries]
  return declarationsOf(root, entries, (all) => ({
    'docs/reference/cli.md': cliReference(),
    'docs/reference/client.md': clientReference(root, all),
    'docs/reference/definition.md': definitionReference(root, all),
    'docs/reference/extend.md': extensionReference(root, all),
  }))
}

/** Those that are not what the sources say now, and what they would say. */
export function staleReferences(root: string): { readonly file: string; readonly text: string }[] {
  return Object.entries(referencesOf(root))
    .map(([file, text]) => ({ file, text }))
    .filter(({ file, text }) => read(join(root, file)) !== text)
}

/** Writes those that are stale. @returns their files */
export function writeReferences(root: string): string[] {
  return staleReferences(root).map(({ file, text }) => {
    writeFileSync(join(root, file), text)
    return file
  })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return
  }
}
