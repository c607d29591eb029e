"""Loads a model that Slipway packaged for mlflow.pyfunc: its features in, what it answers out.

What makes features of rows is JavaScript and stays with Slipway's gateways and batches; a
DataFrame has a column for each feature, of the same name.
"""

import json
import os

import numpy as np
import onnxruntime

# What stands for a missing text: no category is called so.
MISSING_TEXT = "\uffff"


def _load_pyfunc(path):
    return SlipwayModel(path)


class SlipwayModel:
    def __init__(self, path):
        with open(os.path.join(path, "features.json"), encoding="utf-8") as file:
            self.facts = json.load(file)
        options = onnxruntime.SessionOptions()
        # With more threads, sums of tree leaves depend on how they were shared.
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.path.join(path, "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, data, params=None):
        missing = [feature["name"] for feature in self.facts["features"] if feature["name"] not in data]
        if missing:
            raise ValueError(
                f"no columns {', '.join(missing)}: this model takes features, which Slipway makes of rows; "
                "ask its gateway or a batch about rows"
            )
        feeds = {feature["name"]: self._input(feature, data[feature["name"]]) for feature in self.facts["features"]}
        output = "prediction" if self.facts["task"] in ("regression", "quantiles") else "probabilities"
        (answers,) = self.session.run([output], feeds)
        # Of a yes/no model the probability of yes.
        return answers if "outputs" in self.facts else answers[:, -1]

    @staticmethod
    def _input(feature, column):
        if feature["kind"] == "category":
            known = column.astype(object).where(column.notna(), MISSING_TEXT)
            return np.asarray([str(value) for value in known], dtype=object).reshape(-1, 1)
        values = np.asarray(column, dtype=np.float64)
        if feature.get("offset") is not None:
            values = values - feature["offset"]
        return values.astype(np.float64 if feature.get("exact") else np.float32).reshape(-1, 1)
