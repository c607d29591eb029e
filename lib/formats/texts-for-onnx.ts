/** A text that no category is: a noncharacter of Unicode. */
const none = '\uffff'

/**
 * Text as onnxruntime-node can be given it. It has no null, and reads a text up to its first U+0000 only: "\0" would be
 * the empty text, which may well be a category, and "a\0b" would be "a". Both become a text that is no category, which
 * graphs take for a missing value.
 */
export const textsForOnnx = (values: readonly (string | null)[]): string[] =>
  values.map((value) => (value === null || value.includes('\u0000') ? none : value))
