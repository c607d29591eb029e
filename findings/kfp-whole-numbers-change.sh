#!/usr/bin/env bash
# Kubeflow Pipelines hands parameters on as protobuf's Struct, which has doubles alone. So a whole number past 2^53 (an
# id, a seed, nanoseconds) given to a pipeline whose parameter is an `int` reaches its component as another whole
# number, still an `int`, without a word; and whole numbers inside a dict or a list, which one component returns and the
# next one takes, arrive as floats (20 as 20.0), though a plain `int` beside them arrives as an int. Tried with kfp
# 2.17.3 by its local runner. `--set trees=20.0` is what a launcher then passes on.
# What to do: pass ids and settings as texts, and lists of texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python kfp==2.17.3
cat > seen.py <<'PYTHON'
import sys
import kfp
from kfp import dsl, local

@dsl.component
def settings() -> dict:
    return {"trees": 20, "seed": 9007199254740993}

@dsl.component
def seen(seed: int, settings: dict, sizes: list) -> str:
    return repr((seed, sorted(settings.items()), sizes))

@dsl.pipeline
def numbers(seed: int) -> str:
    return seen(seed=seed, settings=settings().output, sizes=[1, 2]).output

local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="out")
found = numbers(seed=9007199254740993).outputs["Output"]
print(f"kfp {kfp.__version__}: given 9007199254740993, a component sees {found}")
sys.exit(found != "(9007199254740992, [('seed', 9007199254740992.0), ('trees', 20.0)], [1.0, 2.0])")
PYTHON
PATH="$folder/venv/bin:$PATH" venv/bin/python -W ignore seen.py 2> noise.txt | grep -a "^kfp" || { tail -5 noise.txt; exit 1; }
