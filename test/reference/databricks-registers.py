"""What MLflow's own client does in a Databricks workspace that the environment names: python databricks-registers.py JSON

JSON says `folder`, a model's files as they were written; `run` to write, with `experiment`, `name`, `tags`, `metrics` and
`params`; `model` and `version_tags` to register; `champion`, another model to load by its alias and score `features`
with; `onnx`, a file that is registered as somebody's model of the flavour onnx. What is read is printed.
"""

import json
import os
import sys
import tempfile

import mlflow
import onnx
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

asked = json.loads(sys.argv[1])
client = mlflow.MlflowClient()
run = asked["run"]
experiment = client.create_experiment(run["experiment"])
made = client.create_run(experiment, start_time=0, run_name=run["name"], tags=run["tags"])
run_id = made.info.run_id
client.log_batch(
    run_id,
    metrics=[mlflow.entities.Metric(key, value, 0, 0) for key, value in run["metrics"].items()],
    params=[mlflow.entities.Param(key, value) for key, value in run["params"].items()],
)
client.log_artifacts(run_id, asked["folder"], "model")
client.set_terminated(run_id, "FINISHED", 1)
client.create_registered_model(asked["model"])
source = f"{client.get_run(run_id).info.artifact_uri}/model"
version = client.create_model_version(asked["model"], source, run_id, tags=asked["version_tags"])
client.set_registered_model_alias(asked["model"], "champion", version.version)
client.set_registered_model_tag(asked["model"], "slipway_champion", version.version)

with open(asked["features"], encoding="utf-8") as features:
    frame = pd.DataFrame(json.load(features))
frame = frame.astype({name: "float64" for name in frame.select_dtypes("number").columns})
loaded = mlflow.pyfunc.load_model(f"models:/{asked['champion']}@champion")

import numpy as np  # noqa: E402

tensors = Schema([TensorSpec(np.dtype("float32"), (-1, 1), "x")])
somebody = asked["onnx"]
client.create_registered_model(somebody["model"])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model")
    mlflow.onnx.save_model(onnx.load(somebody["file"]), path, signature=ModelSignature(tensors, tensors))
    bytes_written = open(os.path.join(path, "model.onnx"), "rb").read().hex()
    other = client.create_model_version(somebody["model"], path)
client.set_registered_model_alias(somebody["model"], "best", other.version)
refused = None
try:
    client.set_model_version_tag(somebody["model"], other.version, "slipway.digest", "x")
except mlflow.MlflowException as error:
    refused = str(error)
print(
    json.dumps(
        {
            "predictions": [float(value) for value in loaded.predict(frame)],
            "status": version.status,
            "runs": [found.data.params for found in client.search_runs([asked["read"]])],
            "artifacts": sorted(file.path for file in client.list_artifacts(asked["read_run"])),
            "aliases": client.get_registered_model(asked["champion"]).aliases,
            "onnx": bytes_written,
            "refused": refused,
        }
    )
)
