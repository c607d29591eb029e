/** Null for what fails, or takes longer. */
export async function inTime<T>(answer: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null)
  })
  return Promise.race([answer.catch(() => null), late]).finally(() => clearTimeout(timer))
}
