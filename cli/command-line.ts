import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { unreachable } from '../client/unreachable.ts'
import { packageRoot } from '../lib/code/host.ts'
import { exitCodes, SlipwayError } from '../lib/formats/errors.ts'
import { machineFull } from '../lib/formats/machine-full.ts'
import { findingOf } from './ci/finding.ts'
import { annotate } from './ci/tell.ts'
import { printJson, showError } from './output.ts'
import { hasDocument, type Sinks, writeMessage, writeResult, writingTo } from './sinks.ts'
import { artifactCommands } from './usage/artifacts.ts'
import { batchCommands } from './usage/batches.ts'
import { platformCommands } from './usage/platform.ts'
import { runCommands } from './usage/runs.ts'
import { sageMakerCommands } from './usage/sagemaker.ts'
import { servingCommands } from './usage/serving.ts'
import { Usage } from './usage/usage.ts'
import { watchingCommands } from './usage/watching.ts'

/** All commands with their arguments, options and help. */
export function slipwayUsage(): Usage {
  const program = new Usage('slipway')
    .description('Durable machine-learning pipelines: from data to a model that is in production, and back')
    .option('--verbose', 'print the stack trace of an error')
    .version(
      JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version,
      '--version',
      'print the version',
    )
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => {}, writeOut: writeResult, writeErr: writeMessage })
    .addHelpText('after', `\nExit codes:\n${exitCodesInWords()}\nSee docs/cli.md.`)
  platformCommands(program)
  runCommands(program)
  artifactCommands(program)
  servingCommands(program)
  watchingCommands(program)
  batchCommands(program)
  sageMakerCommands(program)
  return program
}

/** `  0 done, 2 invalid, 10 data contract, …`: each code a word, several a line. */
function exitCodesInWords(): string {
  const words = Object.entries(exitCodes).map(
    ([name, code]) => `${code} ${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`,
  )
  const lines: string[] = []
  for (let at = 0; at < words.length; at += 6) lines.push(`  ${words.slice(at, at + 6).join(', ')}`)
  return lines.join(',\n')
}

/**
 * Carries out a command line. With `--json` every outcome is exactly one JSON document on standard output.
 * @param argv without node and script
 * @param ended rejects with what ends the command from outside: an interrupt
 * @returns the exit code
 */
export function runCommandLine(
  argv: readonly string[],
  ended: Promise<never> = new Promise(() => {}),
  sinks: Sinks = process,
): Promise<number> {
  const options = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const isJson = options.includes('--json')
  return writingTo(sinks, isJson, async () => {
    const program = slipwayUsage()
    let help = ''
    const writeOut = (text: string): void => {
      help += text
    }
    if (isJson) for (const command of everyCommand(program)) command.configureOutput({ writeOut })
    try {
      await Promise.race([program.parseAsync(argv, { from: 'user' }), ended])
      const { exitCode } = program
      if (isJson && !hasDocument()) printJson({ exitCode })
      return exitCode
    } catch (error) {
      if (!(error instanceof CommanderError)) {
        const known = error instanceof SlipwayError ? error : (unreachable(error) ?? machineFull(error) ?? error)
        annotate([findingOf(known)])
        return showError(known, { json: isJson, verbose: program.opts().verbose === true })
      }
      if (error.exitCode === 0) {
        if (isJson) printJson(error.code === 'commander.version' ? { version: help.trim() } : { help })
        return exitCodes.done
      }
      // The help that says which commands there are has been shown.
      if (error.code === 'commander.help' && !isJson) return exitCodes.invalid
      return showError(usageError(error), { json: isJson })
    }
  })
}

const everyCommand = (command: Usage): Usage[] => [command, ...(command.commands as Usage[]).flatMap(everyCommand)]

function usageError({ code, message }: CommanderError): SlipwayError {
  const said = message.replace(/^error: /, '').replace(/^unknown option '--json'/, 'no --json here: unknown option')
  const words = code === 'commander.help' ? 'a command is missing' : said
  return new SlipwayError('USAGE', words, { next: 'slipway --help' })
}
