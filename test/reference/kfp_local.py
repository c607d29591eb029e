"""Runs the pipeline of examples/kubeflow by kfp's local runner: python kfp_local.py PIPELINE FOLDER"""

import json
import os
import sys

from kfp import compiler, local
from pipeline import train_flights

name, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
compiler.Compiler().compile(train_flights, os.path.join(folder, "pipeline.yaml"))
local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=folder)
print(json.dumps(train_flights(pipeline=name).outputs), flush=True)
