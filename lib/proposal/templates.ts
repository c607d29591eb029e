/** What a pipeline is made for; they differ in what learns and in what is done with the model. */
export const templates = ['tabular', 'python', 'onnx', 'batch'] as const
export type Template = (typeof templates)[number]
