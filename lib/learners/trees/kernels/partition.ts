// AssemblyScript, not TypeScript: compiled by scripts/build.mjs. Pointers are byte addresses in the shared memory.

/**
 * Parts order[from..to) in place, stably: those that go left first.
 * @param order [n] u32
 * @param scratch [n] u32
 * @param bins u8 of the feature, `width` bytes from row to row
 * @param goesLeft [256] u8: 1 for the bins that go left
 * @returns the position of the first row that went right
 */
export function partition(
  order: usize,
  scratch: usize,
  bins: usize,
  width: usize,
  goesLeft: usize,
  from: u32,
  to: u32,
): u32 {
  const end = order + (to << 2)
  const aside = scratch + (from << 2)
  let left = order + (from << 2)
  let right = aside
  for (let at = left; at < end; at += 4) {
    const row: usize = load<u32>(at)
    const step = (<usize>load<u8>(goesLeft + load<u8>(bins + row * width))) << 2
    // Both are written and one counts: no branch to mispredict.
    store<u32>(left, <u32>row)
    store<u32>(right, <u32>row)
    left += step
    right += 4 - step
  }
  memory.copy(left, aside, right - aside)
  return <u32>((left - order) >> 2)
}

/** Numbers the places of order[from..to). */
export function resetOrder(order: usize, from: u32, to: u32): void {
  for (let row = from; row < to; row++) store<u32>(order + ((<usize>row) << 2), row)
}

/** Tells rows order[from..to) their leaf. */
export function mark(order: usize, leafOf: usize, leaf: u32, from: u32, to: u32): void {
  const end = order + (to << 2)
  for (let at = order + (from << 2); at < end; at += 4) store<u8>(leafOf + load<u32>(at), leaf)
}
