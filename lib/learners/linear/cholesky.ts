/** A pivot that is this share of its diagonal or less is rounding: the column depends on those before it. */
const dependent = 1e-13

/**
 * Solves A·x = b by Cholesky's decomposition (Golub and Van Loan, Matrix Computations, 4.2). Where columns of A depend
 * on each other, x is 0 in the later ones.
 * @param matrix A, symmetric, not negative: its lower triangle, row by row in a square; overwritten by the
 * decomposition
 * @param vector b
 */
export function solveSymmetric(matrix: Float64Array, vector: Float64Array): Float64Array {
  decompose(matrix, vector.length)
  return solveDecomposed(matrix, vector)
}

/** The same of a matrix that was decomposed. */
export function solveDecomposed(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length
  const x = Float64Array.from(vector)
  for (let i = 0; i < size; i++) {
    let rest = x[i] as number
    for (let k = 0; k < i; k++) rest -= (matrix[i * size + k] as number) * (x[k] as number)
    x[i] = rest / (matrix[i * size + i] as number)
  }
  for (let i = size - 1; i >= 0; i--) {
    const value = (x[i] as number) / (matrix[i * size + i] as number)
    x[i] = value
    for (let k = 0; k < i; k++) x[k] = (x[k] as number) - (matrix[i * size + k] as number) * value
  }
  return x
}

/**
 * L of A = L·Lᵀ in the place of A; a column that depends on others has an infinite pivot, by which whatever is divided
 * becomes 0.
 */
export function decompose(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    const rowI = i * size
    for (let j = 0; j < i; j++) {
      const rowJ = j * size
      let rest = matrix[rowI + j] as number
      for (let k = 0; k < j; k++) rest -= (matrix[rowI + k] as number) * (matrix[rowJ + k] as number)
      matrix[rowI + j] = rest / (matrix[rowJ + j] as number)
    }
    const diagonal = matrix[rowI + i] as number
    let pivot = diagonal
    for (let k = 0; k < i; k++) pivot -= (matrix[rowI + k] as number) ** 2
    matrix[rowI + i] = pivot > dependent * diagonal ? Math.sqrt(pivot) : Number.POSITIVE_INFINITY
  }
}
