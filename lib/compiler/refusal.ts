/** A model cannot be compiled; the message names why. ONNX Runtime scores it then. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
