import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { type SyntaxNode, walk } from '../../lib/code/syntax.ts'
import { commentText, type Declared } from './declarations.ts'
import { code } from './reference-text.ts'

/** A property of a schema. */
interface Property {
  readonly name: string
  /** The zod expression, as it is written. */
  readonly says: string
  readonly doc: string
}

/** The properties of a zod object, as its source has them; undefined where a declaration is something else. */
export function schemaOf(root: string, { file, name, text }: Declared): Property[] | undefined {
  if (!/^const \w+: z\.ZodObject</.test(text)) return
  const source = readFileSync(join(root, file), 'utf8')
  const { program, comments } = parseSync(file, source)
  let found: SyntaxNode | undefined
  walk(program as unknown as SyntaxNode, (node) => {
    const isIt = node.type === 'VariableDeclarator' && (node.id as unknown as { name?: string }).name === name
    if (isIt)
      walk(node.init as SyntaxNode, (below) => {
        if (below.type === 'ObjectExpression') found ??= below
      })
  })
  return (found?.properties as SyntaxNode[] | undefined)?.flatMap((property) => {
    if (property.type !== 'Property') return []
    const value = property.value as SyntaxNode
    const comment = comments.findLast(
      ({ end }) => end <= property.start && source.slice(end, property.start).trim() === '',
    )
    return {
      name: source.slice((property.key as SyntaxNode).start, (property.key as SyntaxNode).end),
      says: code(source.slice(value.start, value.end).replaceAll(/\s+/g, ' ')),
      doc: comment === undefined ? '' : commentText(source.slice(comment.start, comment.end)).replaceAll(/\s+/g, ' '),
    }
  })
}
