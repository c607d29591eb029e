import type { Bins } from './bins.ts'
import { missingBin } from './bins.ts'
import { cubic, overflow, rounder, scale, underflow } from './exponential.ts'
import { chunkRows, type Layout, type Pass } from './layout.ts'

/**
 * The module of a compiled model as WebAssembly text, always the same for the same layout. How a row goes through it:
 *
 * 1. `bin_F`, once for each feature: the value becomes the number of its bin. 2. `pass_P`, once for each group of
 * trees: a map leads from the bin to the masks that these trees have for it, and those of all features are
 *    combined by AND. In each tree's lane one bit is left: the leaf.
 *    The leaves' values are added to the row's sum, tree after tree in float32, as ONNX Runtime does.
 * 3. `finish`: the base value is added and the transform applied.
 *
 * Each step goes over all rows of a chunk before the next begins. Numbers that do not change are written into the code:
 * where tables lie, a feature's range, which features a group of trees asks for.
 */
export function moduleText(layout: Layout): string {
  const { bins, passes, forest, memoryBytes } = layout
  const used = new Set(passes.flatMap(({ masks }) => masks.map(({ feature }) => feature)))
  const calls = [
    ...[...used].sort((a, b) => a - b).map((feature) => `(call $bin_${feature} (local.get $rows))`),
    ...passes.map((_, pass) => `(call $pass_${pass} (local.get $rows))`),
  ]
  return `(module
  (memory (export "memory") ${Math.ceil(memoryBytes / 65_536)})

  ;; Scores the first rows of the chunk: values in, answers out.
  (func (export "score") (param $rows i32)
    ${clearSums(layout)}
    ${calls.join('\n    ')}
    (call $finish (local.get $rows)))
${[...used].map((feature) => binText(layout, feature, bins[feature] as Bins)).join('')}
${passes.map((pass, number) => passText(layout, pass, number)).join('')}
${finishText(layout)}
${forest.transform === 'as it is' ? '' : exponentialText(layout)})
`
}

const clearSums = ({ sumsAt, forest }: Layout): string =>
  `(memory.fill (i32.const ${sumsAt}) (i32.const 0) (i32.const ${forest.sums * chunkRows * 4}))`

/** A loop over the rows, with $row counting in bytes of a float32. */
function overRows(body: string): string {
  return `(local.set $end (i32.shl (local.get $rows) (i32.const 2)))
    (loop $next
      ${body}
      (br_if $next (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 4))) (local.get $end))))`
}

/** The i-th value, place, sum or answer of the row: an address whose constant part goes into the instruction. */
const row4 = '(local.get $row)'
const row2 = '(i32.shr_u (local.get $row) (i32.const 1))'

function binText(layout: Layout, feature: number, bins: Bins): string {
  const { valuesAt, cutsAt, startsAt, placesAt, placeBytes, mapBytes } = layout
  const { cells } = bins
  const float = (value: number): string => `(f32.const ${floatText(value)})`
  const lastCell = cells.starts.length - 1
  const guess =
    lastCell === 0
      ? `(i32.const ${cells.starts[0]})`
      : `(i32.load16_u offset=${startsAt[feature]} (i32.shl (local.get $cell) (i32.const 1)))`
  const cell =
    lastCell === 0
      ? ''
      : `;; Its cell: below the first and above the last counts as those; NaN as the first.
      (local.set $cell (i32.trunc_sat_f32_s (f32.mul (f32.sub (local.get $x) ${float(cells.low)}) ${float(cells.scale)})))
      (local.set $cell (select (i32.const 0) (local.get $cell) (i32.lt_s (local.get $cell) (i32.const 0))))
      (local.set $cell (select (i32.const ${lastCell}) (local.get $cell) (i32.gt_s (local.get $cell) (i32.const ${lastCell}))))
      `
  const halvings = Array.from({ length: cells.steps }, (_, i) => {
    const power = cells.steps - 1 - i
    return `(local.set $bin (i32.add (local.get $bin) (i32.shl
        (f32.lt (f32.load offset=${(cutsAt[feature] as number) + (2 ** power - 1) * 4} (i32.shl (local.get $bin) (i32.const 2))) (local.get $x))
        (i32.const ${power}))))`
  })
  const store = placeBytes === 2 ? 'i32.store16' : 'i32.store'
  const at = placeBytes === 2 ? row2 : row4
  return `
  ;; Feature ${feature}: ${bins.cuts.length} cuts, ${cells.starts.length} cells.
  (func $bin_${feature} (param $rows i32) (local $row i32) (local $end i32) (local $x f32) (local $cell i32) (local $bin i32)
    ${overRows(`(local.set $x (f32.load offset=${valuesAt + feature * chunkRows * 4} ${row4}))
      ${cell}(local.set $bin ${guess})
      ${halvings.join('\n      ')}
      (local.set $bin (select (i32.const ${missingBin(bins)}) (local.get $bin) (f32.ne (local.get $x) (local.get $x))))
      (${store} offset=${placesAt + feature * chunkRows * placeBytes} ${at} (i32.shl (local.get $bin) (i32.const ${Math.log2(mapBytes)})))`)})
`
}

function passText(layout: Layout, { sum, trees, masks, leavesAt }: Pass, number: number): string {
  const { sumsAt, placesAt, placeBytes, mapBytes, vectors, laneBits } = layout
  const load = placeBytes === 2 ? 'i32.load16_u' : 'i32.load'
  const at = placeBytes === 2 ? row2 : row4
  const vectorNumbers = Array.from({ length: vectors }, (_, i) => i)
  const combined = masks.map(({ feature, at: masksAt, mapAt }, i) => {
    const bin = `(${load} offset=${placesAt + feature * chunkRows * placeBytes} ${at})`
    const place = `(local.set $place (${mapBytes === 2 ? 'i32.load16_u' : 'i32.load'} offset=${mapAt} ${bin}))`
    const own = vectorNumbers.map((v) => {
      const mask = `(v128.load offset=${masksAt + v * 16} (local.get $place))`
      return `(local.set $v${v} ${i === 0 ? mask : `(v128.and (local.get $v${v}) ${mask})`})`
    })
    return [place, ...own].join('\n      ')
  })
  // Trees that ask for nothing have one leaf.
  const start = masks.length === 0 ? vectorNumbers.map((v) => `(local.set $v${v} (v128.const i32x4 1 1 1 1))`) : []
  const leaf = leafReader(laneBits, leavesAt)
  const sumAt = sumsAt + sum * chunkRows * 4
  const added = trees
    .map((_, lane) => leaf.valueOf(lane))
    .reduce((total, value) => `(f32.add ${total}\n        ${value})`, `(f32.load offset=${sumAt} ${row4})`)
  return `
  ;; Trees ${number * layout.treesAPass} to ${number * layout.treesAPass + trees.length - 1} of sum ${sum}.
  (func $pass_${number} (param $rows i32) (local $row i32) (local $end i32) (local $place i32)
    ${vectorNumbers.map((v) => `(local $v${v} v128)`).join(' ')}
    ${overRows(`${[...start, ...combined].join('\n      ')}
      ${leaf.prepare(vectors).join('\n      ')}
      (f32.store offset=${sumAt} ${row4}
        ${added})`)})
`
}

/** How the one bit that is left in a tree's lane is found, and the value of its leaf read. */
function leafReader(
  laneBits: number,
  leavesAt: number,
): { prepare(vectors: number): string[]; valueOf(lane: number): string } {
  const valuesOf = (lane: number): number => leavesAt + lane * laneBits * 4
  if (laneBits === 32)
    // A lane with the single bit i, taken for a whole number and made a float, has the exponent 127 + i: four times
    // that is the leaf's offset, but for 508. (Bit 31 is a negative number; its sign is masked away.)
    return {
      prepare: (vectors) =>
        Array.from(
          { length: vectors },
          (_, v) =>
            `(local.set $v${v} (v128.and (i32x4.shr_u (f32x4.convert_i32x4_s (local.get $v${v})) (i32.const 21)) (v128.const i32x4 1020 1020 1020 1020)))`,
        ),
      valueOf: (lane) =>
        `(f32.load offset=${valuesOf(lane) - 508} (i32x4.extract_lane ${lane % 4} (local.get $v${Math.floor(lane / 4)})))`,
    }
  if (laneBits === 64)
    return {
      prepare: () => [],
      valueOf: (lane) =>
        `(f32.load offset=${valuesOf(lane)} (i32.shl (i32.wrap_i64 (i64.ctz (i64x2.extract_lane ${lane % 2} (local.get $v${Math.floor(lane / 2)})))) (i32.const 2)))`,
    }
  // Wider masks are several vectors, or one. The byte that is not zero gives the leaf but for its low three bits; all
  // bytes together, as one 64-bit number, have a single bit, whose place in its byte are those.
  const each = laneBits / 128
  const bytesOf = (vector: number): string =>
    `(i64.extend_i32_u (i8x16.bitmask (i8x16.ne (local.get $v${vector}) (v128.const i64x2 0 0))))`
  return {
    prepare: () => [],
    valueOf(lane) {
      const own = Array.from({ length: each }, (_, i) => lane * each + i)
      const word = (vectors: readonly number[]): string =>
        vectors.map((v) => `(local.get $v${v})`).reduce((a, b) => `(v128.or ${a} ${b})`)
      const both = word(own)
      const low = `(i64.and (i64.ctz (i64.or (i64x2.extract_lane 0 ${both}) (i64x2.extract_lane 1 ${both}))) (i64.const 7))`
      const high = (vectors: readonly number[]): string =>
        vectors
          .map((v, i) => (i === 0 ? bytesOf(v) : `(i64.shl ${bytesOf(v)} (i64.const ${16 * i}))`))
          .reduce((a, b) => `(i64.or ${a} ${b})`)
      // Up to four vectors' bytes are one 64-bit number; eight are two, of which one is zero and counts 64.
      const parts = [own.slice(0, 4), own.slice(4)].filter((part) => part.length > 0)
      const [first, second] = parts.map((part) => `(i64.ctz ${high(part)})`)
      const byte =
        second === undefined
          ? first
          : `(i64.add ${first} (i64.and ${second} (i64.sub (i64.const 0) (i64.extend_i32_u (i64.eq ${first} (i64.const 64))))))`
      return `(f32.load offset=${valuesOf(lane)} (i32.wrap_i64 (i64.shl (i64.add (i64.shl ${byte} (i64.const 3)) ${low}) (i64.const 2))))`
    },
  }
}

function finishText({ forest, sumsAt, answersAt }: Layout): string {
  const { sums, divisor, base, transform } = forest
  const column = (at: number, sum: number): number => at + sum * chunkRows * 4
  const each = Array.from({ length: sums }, (_, sum) => sum)
  const total = (sum: number): string => {
    const plain = `(f32.load offset=${column(sumsAt, sum)} ${row4})`
    const mean = divisor === 1 ? plain : `(f32.div ${plain} (f32.const ${divisor}))`
    return `(f32.add ${mean} (f32.const ${floatText(base[sum] as number)}))`
  }
  const store = (at: number, sum: number, value: string): string =>
    `(f32.store offset=${column(at, sum)} ${row4} ${value})`
  const raw = each.map((sum) => store(sumsAt, sum, total(sum)))
  const sumOf = (sum: number): string => `(f32.load offset=${column(sumsAt, sum)} ${row4})`
  const answer = (sum: number, value: string): string => store(answersAt, sum, value)
  const answerOf = (sum: number): string => `(f32.load offset=${column(answersAt, sum)} ${row4})`
  const exponential = (value: string): string => `(call $expf ${value})`
  const small = (value: string): string =>
    `(i32.or (f32.gt ${value} (f32.const ${floatText(Math.fround(1e-7))})) (f32.lt ${value} (f32.const ${floatText(-Math.fround(1e-7))})))`
  const largest = [
    `(local.set $most (f32.const ${floatText(-3.4028234663852886e38)}))`,
    ...each.map(
      (sum) => `(local.set $most (select ${sumOf(sum)} (local.get $most) (f32.gt ${sumOf(sum)} (local.get $most))))`,
    ),
  ]
  const addUp = (sum: number): string => `(local.set $all (f32.add (local.get $all) ${answerOf(sum)}))`
  const share = each.map((sum) => answer(sum, `(f32.div ${answerOf(sum)} (local.get $all))`))
  const shifted = (sum: number): string => exponential(`(f32.sub ${sumOf(sum)} (local.get $most))`)
  const transforms = {
    'as it is': each.map((sum) => answer(sum, sumOf(sum))),
    logistic: each.map((sum) => answer(sum, `(call $logistic ${sumOf(sum)})`)),
    softmax: [
      ...largest,
      '(local.set $all (f32.const 0))',
      ...each.flatMap((sum) => [answer(sum, shifted(sum)), addUp(sum)]),
      ...share,
    ],
    // As softmax, but zeros keep to themselves and are not counted.
    'softmax zero': [
      ...largest,
      '(local.set $all (f32.const 0))',
      ...each.map(
        (sum) => `(if ${small(sumOf(sum))}
        (then ${answer(sum, shifted(sum))} ${addUp(sum)})
        (else ${answer(sum, `(f32.mul ${sumOf(sum)} ${exponential('(f32.neg (local.get $most))')})`)}))`,
      ),
      ...share,
    ],
  }
  return `
  ;; ${transform}.
  (func $finish (param $rows i32) (local $row i32) (local $end i32) (local $most f32) (local $all f32)
    ${overRows([...raw, ...transforms[transform]].join('\n      '))})`
}

function exponentialText({ powersAt }: Layout): string {
  const double = (value: number): string => `(f64.const ${value})`
  return `
  ;; 1 / (1 + e^-|x|), and what is left of 1 for negative x.
  (func $logistic (param $x f32) (result f32) (local $p f32)
    (local.set $p (f32.div (f32.const 1) (f32.add (f32.const 1) (call $expf (f32.neg (f32.abs (local.get $x)))))))
    (select (f32.sub (f32.const 1) (local.get $p)) (local.get $p) (f32.lt (local.get $x) (f32.const 0))))

  ;; e^x: see lib/compiler/exponential.ts.
  (func $expf (param $x f32) (result f32) (local $z f64) (local $k f64) (local $r f64) (local $bits i64)
    (if (f32.gt (local.get $x) (f32.const ${floatText(overflow)})) (then (return (f32.const inf))))
    (if (f32.lt (local.get $x) (f32.const ${floatText(underflow)})) (then (return (f32.const 0))))
    (local.set $z (f64.mul (f64.promote_f32 (local.get $x)) ${double(scale)}))
    (local.set $k (f64.add (local.get $z) ${double(rounder)}))
    (local.set $bits (i64.reinterpret_f64 (local.get $k)))
    (local.set $r (f64.sub (local.get $z) (f64.sub (local.get $k) ${double(rounder)})))
    (local.set $bits (i64.add
      (i64.load offset=${powersAt} (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 31)) (i32.const 3)))
      (i64.shl (local.get $bits) (i64.const 47))))
    (f32.demote_f64 (f64.mul (f64.reinterpret_i64 (local.get $bits))
      (f64.add
        (f64.mul
          (f64.add (f64.mul (local.get $r) ${double(cubic[0])}) ${double(cubic[1])})
          (f64.mul (local.get $r) (local.get $r)))
        (f64.add (f64.mul (local.get $r) ${double(cubic[2])}) ${double(1)})))))
`
}

/** A float32 so that the text holds all of it. */
function floatText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
  return value > 0 ? 'inf' : '-inf'
}
