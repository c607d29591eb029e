import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class ColumnsModel(MLModel):
    async def load(self) -> bool:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feeds = {
            t.name: self.decode(t, default_codec=NumpyCodec).reshape(-1, 1)
            for t in payload.inputs
        }
        (probabilities,) = self.session.run(["probabilities"], feeds)
        positive = probabilities[:, 1]
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[
                ResponseOutput(
                    name="probability",
                    datatype="FP32",
                    shape=[len(positive)],
                    data=positive.tolist(),
                )
            ],
        )
