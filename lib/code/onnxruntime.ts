/** ONNX Runtime, for those who load it late: what a package that is no module has cannot be seen by `import()`. */
export { InferenceSession, Tensor } from 'onnxruntime-node'
