import type { Forest } from '../compiler/forest.ts'

type Inputs = Readonly<Record<string, ArrayLike<number> | readonly (string | null)[]>>

/** The columns that trees see, by name, and rows of them from what the graph takes: float32 [rows · columns]. */
export function treeColumns({ inputs, features: width }: Pick<Forest, 'inputs' | 'features'>) {
  const names = inputs.flatMap((input) =>
    input.kind === 'number' && input.width > 1
      ? Array.from({ length: input.width }, (_, i) => `${input.name}[${i}]`)
      : [input.name],
  )
  return {
    names,
    rowsOf(given: Inputs, rows: number): Float32Array {
      const matrix = new Float32Array(rows * width)
      let column = 0
      for (const input of inputs) {
        if (input.kind === 'category') {
          const texts = given[input.name] as readonly (string | null)[]
          for (let row = 0; row < rows; row++) {
            const text = texts[row] ?? null
            matrix[row * width + column] = text === null ? input.otherwise : (input.codes.get(text) ?? input.otherwise)
          }
          column++
          continue
        }
        const values = given[input.name] as ArrayLike<number>
        for (let i = 0; i < input.width; i++, column++)
          for (let row = 0; row < rows; row++) matrix[row * width + column] = values[row * input.width + i] as number
      }
      return matrix
    },
  }
}
