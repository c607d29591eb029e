/** A model cannot be compiled; the message names why. ONNX Runtime scores it then. */
export class NotCompilable extends Error {
  override readonly name = 'NotCompilable'
}
