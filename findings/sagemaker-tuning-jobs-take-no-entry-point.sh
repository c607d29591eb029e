#!/usr/bin/env bash
# A training job of SageMaker, and a processing job, may be told the command of its container (ContainerEntrypoint,
# ContainerArguments); the training jobs of a tuning job may not, by the service model that AWS clients are made of
# (botocore 1.44.8), though HyperParameterAlgorithmSpecification looks like AlgorithmSpecification. An image that trains
# with a command of the request begins with its own ENTRYPOINT under a tuning job: what cannot be said is not refused.
# What to do: give the image an ENTRYPOINT that starts what a channel or a hyperparameter names.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check botocore==1.44.8
cat > shapes.py <<'PYTHON'
import sys
import botocore
from botocore.session import Session

model = Session().get_service_model("sagemaker")
members = lambda shape: set(model.shape_for(shape).members)
command = {"ContainerEntrypoint", "ContainerArguments"}
training = command & members("AlgorithmSpecification")
tuning = command & members("HyperParameterAlgorithmSpecification")
beside = command & members("HyperParameterTrainingJobDefinition")
processing = command & members("AppSpecification")
print(f"botocore {botocore.__version__}: a training job is told {sorted(training)}, a processing job {sorted(processing)}")
print(f"botocore {botocore.__version__}: the training jobs of a tuning job are told {sorted(tuning | beside)}")
sys.exit(not (training == processing == command and not tuning | beside))
PYTHON
venv/bin/python shapes.py
