#!/usr/bin/env bash
# A text that a pipeline of Kubeflow is given as a parameter is a text to its component, one should think. kfp's local
# runner (2.17.3) looks for placeholders in it once it is part of what the component is started with: `{{$}}` in a
# message becomes the whole document of its inputs, `{{$.pipeline_job_name}}` the name of the job, and the component
# cannot tell. Templates that are handed on to be filled in later (prompts, mails, SQL) are filled in too early.
# What to do: pass such texts in a file, or with something else than {{ }} in them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python kfp==2.17.3
cat > texts.py <<'PYTHON'
import sys
import kfp
from kfp import dsl, local

@dsl.component
def seen(text: str) -> str:
    return text

@dsl.pipeline(name="texts")
def texts(text: str) -> str:
    return seen(text=text).output

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="out")
given = "Dear {{$.pipeline_job_name}}, {{name}}"
found = texts(text=given).outputs["Output"]
print(f"kfp {kfp.__version__}: given {given!r}, a component sees {found!r}")
sys.exit(not (found.startswith("Dear texts-") and found.endswith(", {{name}}")))
PYTHON
PATH="$folder/venv/bin:$PATH" venv/bin/python -W ignore texts.py 2> noise.txt | grep -a "^kfp" || { tail -5 noise.txt; exit 1; }
