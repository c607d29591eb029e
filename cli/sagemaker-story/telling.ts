import { colors } from '../colors.ts'
import { print } from '../output.ts'

/** What was told: the document of `--json`. */
export interface Chapter {
  readonly title: string
  readonly facts: { readonly what: string; readonly holds: boolean }[]
}

/** Tells what happened, sentence by sentence, and keeps whether all of it is as the story promises. */
export class Telling {
  readonly chapters: Chapter[] = []

  chapter(title: string): void {
    this.chapters.push({ title, facts: [] })
    print(`\n${colors.bold(title)}`)
  }

  /** A sentence whose numbers were read, and whether they are what was promised. */
  fact(what: string, holds = true): void {
    this.chapters.at(-1)?.facts.push({ what, holds })
    print(holds ? `  ${what}` : `  ${colors.red('not as promised')}: ${what}`)
  }

  get holds(): boolean {
    return this.chapters.every(({ facts }) => facts.every(({ holds }) => holds))
  }
}
