"""Loads a model by its alias from an MLflow server and scores features, then rows, which it refuses:
python mlflow-loads.py URI MODEL FEATURES.json ROWS.json"""

import json
import sys

import mlflow
import pandas as pd

address, model, file, rows = sys.argv[1:]
mlflow.set_tracking_uri(address)
with open(file, encoding="utf-8") as features:
    frame = pd.DataFrame(json.load(features))
# A column of whole numbers is one of integers to pandas, and MLflow takes no integers for doubles.
frame = frame.astype({name: "float64" for name in frame.select_dtypes("number").columns})
loaded = mlflow.pyfunc.load_model(model)
client = mlflow.MlflowClient()
with open(rows, encoding="utf-8") as raw:
    raw_frame = pd.DataFrame(json.load(raw))
refusals = []
# By the signature, and where nobody holds callers to it.
for predict in (loaded.predict, loaded._model_impl.predict):
    try:
        predict(raw_frame)
    except Exception as error:  # noqa: BLE001
        refusals.append(str(error))
(experiment,) = [each for each in client.search_experiments() if each.name != "Default"]
runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
print(
    json.dumps(
        {
            "predictions": [float(value) for value in loaded.predict(frame)],
            "inputs": loaded.metadata.get_input_schema().input_names(),
            "refusals": refusals,
            "runs": [
                {
                    "name": run.info.run_name,
                    "status": run.info.status,
                    "metrics": run.data.metrics,
                    "params": run.data.params,
                    "artifacts": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
                }
                for run in runs
            ],
            "aliases": client.get_registered_model(experiment.name).aliases,
        }
    )
)
