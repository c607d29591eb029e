import type { z } from 'zod'
import type { CodeRef } from '../code-ref.ts'

/** An artifact that a step reads: one output of another step; without `output` all of them, as `<name>:<output>`. */
export interface Read {
  readonly step: string
  readonly output?: string
}

/** A step as a workflow sees it: which it is, what it is about to do, and what the workflow decides by. */
export type Outline<Shape extends z.ZodObject, Links> = {
  readonly id: string
  readonly kind: z.infer<Shape>['kind']
  /** What it is about to do, in a line. */
  readonly summary: string
} & Links

/** Finds other steps of the plan. */
export interface PlanView {
  step<Shape extends z.ZodObject, Links extends object>(
    kind: StepKindEntry<Shape, Links>,
    id: string,
  ): Outline<Shape, Links>
  /** The table that one was made from by leaving rows out: a snapshot, or a table that was derived. */
  sourceOf(table: string): string
}

/** What a run tells the activity of a step besides its inputs. */
export interface OrderView {
  readonly pipeline: string
  /** Digest of the list of files of a source, by step; and snapshots to use instead. */
  readonly sources: Readonly<Record<string, string>>
  readonly snapshots: Readonly<Record<string, string>>
  /** How an activity finds another step in the plan. */
  refOf(id: string, kind: string): object
  stepKeyOf(id: string): string
}

/**
 * A kind of step: all there is to know of it below its builder verb and its activity. Step keys, outlines, the graph,
 * the order of an activity and what people are shown are made of it; `index.ts` lists the kinds.
 */
export interface StepKindEntry<Shape extends z.ZodObject = z.ZodObject, Links extends object = object> {
  /** What a plan holds of it. */
  readonly shape: Shape
  /** Fields that hold a schema: a stored plan keeps every column once. */
  readonly schemas?: readonly string[]

  /**
   * Fields that name other steps, each an id, a list of ids or a record of ids: they count in a step key by what those
   * made.
   */
  readonly refs: readonly string[]
  /**
   * Other fields that the result does not depend on. What is left out is named, so that a new setting cannot be
   * forgotten.
   */
  readonly notInKey?: readonly string[]
  /** What stands in a step key in the place of fields as they are. */
  inKey?(step: z.infer<Shape>): Readonly<Record<string, unknown>>
  /** Raised when what a step makes of the same inputs changes, so that older records no longer answer for it. */
  readonly version: number | ((step: z.infer<Shape>) => number)
  /** Packages and engines whose version may change the bytes it makes. */
  readonly hosts: readonly string[]
  /** The user's functions that it runs, by their role. */
  code?(step: z.infer<Shape>): Readonly<Record<string, CodeRef | undefined>>

  /** What a workflow needs of it. */
  links(step: z.infer<Shape>): Links
  /**
   * What it reads, under which names. What is known only when it is reached, as what a gate compares with, is not here.
   */
  reads(step: Outline<Shape, NoInfer<Links>>, plan: PlanView): Readonly<Record<string, Read>>
  /**
   * It decides about a package, or acts on what was decided: such steps of one package keep the order they have in the
   * plan, but those that may be done side by side.
   */
  readonly decides?: 'in turn' | 'side by side'
  /** What it takes its turn at: of steps that name the same, each waits for those before it to end, however they do. */
  turns?(step: Outline<Shape, NoInfer<Links>>): readonly string[]
  /** It waits for people or for traffic, and does not count among the steps that work at once. */
  readonly isPatient?: true
  /** How many things it can do at once, where that is more than one. */
  width?(step: Outline<Shape, NoInfer<Links>>): number

  /** The activity that carries it out, and the longest that may take; none where the workflow does. */
  readonly activity?: { readonly name: string; readonly within: `${number}h` }
  order?(step: Outline<Shape, NoInfer<Links>>, run: OrderView): Readonly<Record<string, unknown>>
  /** It runs functions of users: carried out again for a debugger, though its record stands. */
  readonly runsUserCode?: true
  /** Of two runs that come to the same one at once, one works, and the other takes its record. */
  readonly isLeased?: true

  /** What it is about to do, in a line. */
  planned(step: z.infer<Shape>): string
  /** What it made, in a line; without it `facts.summary`. */
  made?(facts: Readonly<Record<string, unknown>>): string
  /** In words, of a step that looks at the world as it is then: nothing of it is reused. */
  always?(step: z.infer<Shape>): string
}

/** An entry of the table of step kinds, its types taken from its shape and its links. */
export const stepKind = <Shape extends z.ZodObject, Links extends object>(
  entry: StepKindEntry<Shape, Links>,
): StepKindEntry<Shape, Links> => entry
