import { type Command, CommanderError } from 'commander'
import { slipwayUsage } from '../../cli/command-line.ts'

/** The commands of a ```sh block: comments left out, lines that a backslash or an indent continues joined. */
export function commandsOf(block: string): string[] {
  return block
    .replaceAll(/ *\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)#.*$/, '').trimEnd())
    .reduce<string[]>((lines, line) => {
      const last = lines.at(-1)
      if (/^\s+\S/.test(line) && last !== undefined) lines[lines.length - 1] = `${last} ${line.trim()}`
      else if (line.trim() !== '') lines.push(line.trim())
      return lines
    }, [])
}

/** The arguments of each call of `slipway` in a line of a shell. */
export function slipwayCalls(line: string): string[][] {
  return line
    .split(/ (?:&&|\|\||\||;) /)
    .map((part) => /^(?:[A-Z_][A-Z0-9_]*=\S* )*(?:npx )?slipway (.*)$/.exec(part.trim())?.[1])
    .filter((rest) => rest !== undefined)
    .map((rest) =>
      [...rest.replace(/ >.*$/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((found) => found.slice(1).join('')),
    )
}

/**
 * What the command line says of arguments, which nobody carries out: undefined where it takes them. Whether files are
 * there is not asked, nor what `<repository>` or `…` stand for.
 */
export function refusal(args: readonly string[]): string | undefined {
  const program = slipwayUsage()
  const unheard = (command: Command): void => {
    // A group shows its help when nothing of it is called; that stays a refusal.
    if (command.commands.length === 0 || command.registeredArguments.length > 0) command.action(() => {})
    for (const each of command.commands) unheard(each)
  }
  for (const command of program.commands) unheard(command)
  try {
    program.parse([...args], { from: 'user' })
  } catch (error) {
    const { message } = error as Error
    const isOfValue = !(error instanceof CommanderError)
    const cannotTell = / that exists| a folder that /.test(message) || args.some((text) => /…|^<.*>$/.test(text))
    return isOfValue && cannotTell ? undefined : message
  }
}
