"""Registers models in an MLflow server as people do: python mlflow-registers.py URI FILE.onnx

`encoder`, alias `best`, is the file; `wide` a product with a matrix of 400 numbers, which MLflow keeps in a file beside
the graph; `pickled` no ONNX model. What MLflow hands out as `encoder`, whose bytes are those that MLflow wrote, is
downloaded to the folder `encoder` beside the file.
"""

import os
import sys

import mlflow
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

address, file = sys.argv[1:]
mlflow.set_tracking_uri(address)
mlflow.set_experiment("people")
with mlflow.start_run():
    mlflow.onnx.log_model(onnx.load(file), name="encoder", registered_model_name="encoder", save_as_external_data=False)
    matrix = numpy_helper.from_array(np.arange(400, dtype=np.float32).reshape(4, 100), "matrix")
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "matrix"], ["y"])], "wide", [value("x", 4)], [value("y", 100)], [matrix]
    )
    wide = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    mlflow.onnx.log_model(wide, name="wide", registered_model_name="wide")

    class Pickled(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input: list[str]) -> list[str]:
            return model_input

    mlflow.pyfunc.log_model(name="pickled", python_model=Pickled(), registered_model_name="pickled")
mlflow.MlflowClient().set_registered_model_alias("encoder", "best", "1")
mlflow.artifacts.download_artifacts("models:/encoder@best", dst_path=os.path.join(os.path.dirname(file), "encoder"))
