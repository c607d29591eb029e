import { slipwayUsage } from '../../cli/command-line.ts'
import type { Usage } from '../../cli/usage/usage.ts'
import { errorCodes, exitCodes } from '../../lib/formats/errors.ts'
import { code, paragraph, sentence, table } from './reference-text.ts'

/** `docs/reference/cli.md`: every command with its arguments, options and exit codes, as the parser knows them. */
export function cliReference(): string {
  const program = slipwayUsage()
  const commands = program.commands as Usage[]
  const groups = [...new Set(commands.map((command) => command.helpGroup()))]
  const sections = groups.map((group) =>
    sectionOf(
      group.replace(/:$/, ''),
      commands.filter((command) => command.helpGroup() === group),
    ),
  )
  return `# Commands and options

${paragraph(
  'Every command of `npx slipway`, written by `npm run docs` from the parser itself. How they are used, and what the',
  'environment says, is in [the guide to the command line](../cli.md). Every command has `--help`; before any of them',
  'stand `--verbose`, which prints the stack trace of an error, and `--version`.',
)}

${sections.join('\n\n')}

## Exit codes and errors

${exitTable()}
`
}

function sectionOf(group: string, commands: readonly Usage[]): string {
  return [`## ${group}`, ...commands.flatMap((command) => leavesOf(command, [])).map(commandText)].join('\n\n')
}

/** A command that does something, and the names before it. */
interface Leaf {
  readonly command: Usage
  readonly before: readonly string[]
}

function leavesOf(command: Usage, before: readonly string[]): Leaf[] {
  const below = (command.commands as Usage[]).flatMap((each) => leavesOf(each, [...before, command.name()]))
  const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0
  return isGroup ? below : [{ command, before }, ...below]
}

function commandText({ command, before }: Leaf): string {
  const name = [...before, command.name()].join(' ')
  const args = command.registeredArguments.map((each) => {
    const usage = each.required ? `<${each.name()}>` : `[${each.name()}]`
    return [code(usage), ruleOf(command, usage)]
  })
  const options = command.options.map(({ flags, description, mandatory }) => [
    code(flags),
    `${mandatory ? 'Needed: ' : ''}${description}`,
    ruleOf(command, flags),
  ])
  return [
    `### ${name}`,
    paragraph(sentence(command.description())),
    ...(args.length === 0 ? [] : [table(['argument', 'what it may be'], args)]),
    ...(options.length === 0 ? [] : [table(['option', 'what it does', 'what it may be'], options)]),
    ...(command.lines.length === 0 ? [] : [`\`\`\`sh\n${command.lines.join('\n')}\n\`\`\``]),
  ].join('\n\n')
}

/** What an argument or an option takes, with an example. */
function ruleOf(command: Usage, usage: string): string {
  const kind = command.kinds.get(usage)
  if (kind === undefined) return ''
  return kind.rule.includes(kind.example) ? kind.rule : `${kind.rule}, such as ${code(kind.example)}`
}

function exitTable(): string {
  const rows = Object.entries(exitCodes).map(([name, exit]) => {
    const errors = Object.entries(errorCodes).filter(([, of]) => of === exit)
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    return [String(exit), words, errors.map(([error]) => code(error)).join(', ')]
  })
  return table(['exit', 'meaning', 'errors'], rows)
}
