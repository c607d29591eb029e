/** A command of a README, without the words that explain it. */
export interface ReadmeBlock {
  /** Of the section it stands in. */
  readonly heading: string
  readonly commands: readonly string[]
}

/** The blocks of shell commands of a document, in their order; a command that a backslash breaks is one. */
export function readmeBlocks(markdown: string): ReadmeBlock[] {
  const blocks: ReadmeBlock[] = []
  let heading = ''
  let block: string[] | undefined
  for (const line of markdown.split('\n')) {
    if (block === undefined) {
      if (line.startsWith('#')) heading = line.replace(/^#+ */, '')
      else if (line === '```sh') block = []
    } else if (line.startsWith('```')) {
      const commands = block
        .join('\n')
        .replaceAll(/\\\n\s*/g, '')
        .split('\n')
      blocks.push({
        heading,
        commands: commands.map((command) => command.replace(/\s+# .*$/, '').trim()).filter((command) => command !== ''),
      })
      block = undefined
    } else block.push(line)
  }
  return blocks
}
