import { Argument, Command, Option } from 'commander'
import { checked, type Kind } from '../names.ts'

type Action = (...args: never[]) => Promise<number>

/** A command of commander's whose arguments and options are checked before anything is done with them. */
export class Usage extends Command {
  /** What its arguments and options may be, by their usage: `<run>`, `--limit <n>`. For the reference. */
  readonly kinds = new Map<string, Kind>()
  /** Lines of a shell, shown below its help. */
  readonly lines: string[] = []
  /** The exit code its action came to. */
  private code = 0

  override createCommand(name?: string): Usage {
    return new Usage(name)
  }

  /** An argument: `<pipeline>`, or `[pipeline]` where it may be left out. */
  takes(usage: string, kind: Kind): this {
    this.kinds.set(usage, kind)
    return this.addArgument(new Argument(usage).argParser((text: string) => checked(usage, kind, text)))
  }

  /** An option with a value. */
  offers(flags: string, description: string, kind: Kind): this {
    this.kinds.set(flags, kind)
    return this.addOption(new Option(flags, description).argParser((text: string) => checked(flags, kind, text)))
  }

  /** An option that must be given. */
  needs(flags: string, description: string, kind: Kind): this {
    this.kinds.set(flags, kind)
    const option = new Option(flags, description).argParser((text: string) => checked(flags, kind, text))
    return this.addOption(option.makeOptionMandatory())
  }

  /** An option that may be given several times. */
  collects(flags: string, description: string, kind: Kind): this {
    this.kinds.set(flags, kind)
    const add = (text: string, all: string[] = []): string[] => [...all, checked(flags, kind, text)]
    return this.addOption(new Option(flags, description).argParser(add))
  }

  /** The option of all commands whose result is one document. */
  json(): this {
    return this.option('--json', 'print one JSON document')
  }

  /** Shown below its help. */
  examples(...examples: readonly string[]): this {
    this.lines.push(...examples)
    return this.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)
  }

  /** What it does; the result is the exit code. */
  does(action: Action): this {
    return this.action(async (...args: unknown[]) => {
      this.code = await (action as (...args: unknown[]) => Promise<number>)(...args)
    })
  }

  /** The exit code of the command that was called, this one or one below it. */
  get exitCode(): number {
    return Math.max(this.code, ...(this.commands as Usage[]).map((command) => command.exitCode))
  }
}
