/** Packages that danfojs' declarations name, and what of each: all of them are inside, their declarations are not. */
const others: Readonly<Record<string, readonly string[]>> = {
  table: ['BaseUserConfig', 'TableUserConfig'],
  'plotly.js-dist-min': ['Config', 'Layout'],
  'node-fetch': ['HeadersInit'],
  papaparse: ['ParseConfig'],
  xlsx: ['ParsingOptions', 'WritingOptions'],
}
/** Of those that are imported whole. */
const members: Readonly<Record<string, readonly string[]>> = {
  request: ['RequiredUriUrl', 'CoreOptions'],
  stream: ['Transform', 'Readable'],
}

const wanted = [...Object.keys(others), ...Object.keys(members)].map((name) => name.replaceAll('.', '\\.')).join('|')

/** A declaration that looks for types of other packages in one file beside it. @param file without its ending */
export const withoutOthersTypes = (text: string, file: string): string =>
  text
    .replaceAll(/^\/\/\/ <reference types="node" \/>\n/gm, '')
    .replaceAll(new RegExp(`(?<=from )(['"])(${wanted})\\1`, 'g'), `'${file}'`)

/** That file: whoever wants to know more about these types installs the packages. */
export function othersTypes(): string {
  const named = Object.values(others).flat()
  const inside = Object.values(members).flat()
  return [
    ...named.map((name) => `export type ${name} = any`),
    'declare namespace other {',
    ...inside.map((name) => `  type ${name} = any`),
    '  const inside: true',
    '}',
    'export default other',
    '',
  ].join('\n')
}
