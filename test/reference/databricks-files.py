"""Puts the files of a folder below a run's artifacts, as MLflow's own client does, and reads them again:
python databricks-files.py EXPERIMENT FOLDER READ

READ is a run whose artifacts somebody else wrote: printed are its files, in hexadecimal digits by path."""

import json
import os
import sys

import mlflow

experiment, folder, read = sys.argv[1:]
client = mlflow.MlflowClient()
run = client.create_run(client.create_experiment(experiment))
client.log_artifacts(run.info.run_id, folder)
found = {}
root = client.download_artifacts(read, "")
for below, _, names in os.walk(root):
    for name in names:
        path = os.path.join(below, name)
        with open(path, "rb") as file:
            found[os.path.relpath(path, root)] = file.read().hex()
print(json.dumps(found))
