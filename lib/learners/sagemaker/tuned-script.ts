import type { Dimension, ParameterValue, Space } from '../../formats/tuning.ts'
import { variableOf } from '../program/layout.ts'

/** A text that a shell takes as it is. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * Lines of a POSIX shell that read what SageMaker chose for a job, and tell the program as if we had: SageMaker writes
 * all values as texts, choices in quotes of their own where a client sent them so, and one hyperparameter more for its
 * own objective. Afterwards the file has the learner's hyperparameters and no others, and so have the variables.
 * @param folder where `hyperparameters.json` is, and where it is to be
 */
export function tunedLines(
  hyperparameters: Readonly<Record<string, ParameterValue>>,
  tuned: Space,
  folder: { readonly from: string; readonly to: string },
): readonly string[] {
  const names = [...new Set([...Object.keys(hyperparameters), ...Object.keys(tuned).sort()])]
  const read = names.flatMap((name, i) => {
    const dimension = tuned[name]
    const value = dimension === undefined ? undefined : chosenLines(i, name, dimension)
    return (
      value ?? [`hp${i}=${quoted(String(hyperparameters[name]))}`, `json${i}=${quoted(jsonOf(hyperparameters[name]))}`]
    )
  })
  /** A JSON object, its values from variables. */
  const object = (variable: string): string => {
    const members = names.map(
      (name, i) => `${quoted(`${i === 0 ? '' : ','}${JSON.stringify(name)}:`)}"$${variable}${i}"`,
    )
    return `'{'${members.join('')}'}'`
  }
  return [
    `told="$(tr -d '\\n' < ${folder.from}/${file})"`,
    ...read,
    // Texts of ours are in the JSON of `text`, others have nothing that JSON writes otherwise.
    ...names.map((name, i) =>
      tuned[name] === undefined
        ? `text${i}=${quoted(JSON.stringify(String(hyperparameters[name])))}`
        : `text${i}="\\"$hp${i}\\""`,
    ),
    `printf '%s\\n' ${object('text')} > ${folder.to}/${file}`,
    `export SM_HPS=${object('json')}`,
    ...names.map((name, i) => `export ${variableOf(name)}="$hp${i}"`),
  ]
}

const file = 'hyperparameters.json'
const jsonOf = (value: unknown): string => JSON.stringify(value) ?? 'null'

/** What a name is in a basic regular expression of sed. */
const literally = (name: string): string => name.replaceAll(/[\\.*[\]^$/]/g, '\\$&')

function chosenLines(i: number, name: string, dimension: Dimension): readonly string[] {
  const pattern = `s/.*"${literally(name)}" *: *"\\(\\\\"\\)\\{0,1\\}\\([^"\\\\]*\\).*/\\2/p`
  const missing = `{ echo ${quoted(`SageMaker tells no value of ${name}`)} >&2; exit 1; }`
  return [
    `hp${i}="$(printf '%s\\n' "$told" | sed -n ${quoted(pattern)})"`,
    `[ -n "$hp${i}" ] || ${missing}`,
    ...(dimension.kind === 'choice'
      ? [
          `case "$hp${i}" in`,
          ...dimension.of.map((value) => `  ${quoted(String(value))}) json${i}=${quoted(jsonOf(value))} ;;`),
          `  *) ${missing.slice(2, -2)} ;;`,
          'esac',
        ]
      : [`json${i}="$hp${i}"`]),
  ]
}
