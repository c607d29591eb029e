#!/usr/bin/env bash
# The enumerations of SageMaker's pipelines in its SDK for Python (sagemaker 2.257.7: types of parameters and of outputs
# of callbacks and Lambdas, exceptions of retry policies) are called by value like every Enum of Python, and answer their
# first member whatever the value is, also one that none of them has: CallbackOutputTypeEnum("Integer") is String, and
# StepExceptionTypeEnum("Step.THROTTLING") is SERVICE_FAULT. Definitions that are read from a file and written by the SDK
# have outputs of another type and retry for another reason, without a word.
# What to do: look members up by name (CallbackOutputTypeEnum["Integer"]), or by value=… by name, which both work.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python sagemaker==2.257.7
cat > enumerations.py <<'PYTHON'
import sys
from importlib.metadata import version
from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum
from sagemaker.workflow.retry import StepExceptionTypeEnum, StepRetryPolicy

output = CallbackOutput("rows", CallbackOutputTypeEnum("Integer")).to_request()["OutputType"]
policy = StepRetryPolicy([StepExceptionTypeEnum("Step.THROTTLING")], max_attempts=3).to_request()["ExceptionType"]
none = CallbackOutputTypeEnum("no such type").value
named = [CallbackOutputTypeEnum["Integer"].value, CallbackOutputTypeEnum(value="Integer").value]
print(f"sagemaker {version('sagemaker')}: 'Integer' becomes {output!r}, 'Step.THROTTLING' {policy}, 'no such type' {none!r}")
print(f"sagemaker {version('sagemaker')}: by name, and by value=: {named}")
found = [output, policy, none, named]
sys.exit(found != ["String", ["Step.SERVICE_FAULT"], "String", ["Integer", "Integer"]])
PYTHON
HOME="$folder" venv/bin/python -W ignore enumerations.py 2> noise.txt | grep -a "^sagemaker " || { tail -5 noise.txt; exit 1; }
