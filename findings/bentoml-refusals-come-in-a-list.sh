#!/usr/bin/env bash
# A service of BentoML 1.4.40 answers what it cannot do with a JSON object, `{"error": …}`: rows of another shape (400),
# a fault (500). What a service refuses itself, by raising BadInput or another of BentoML's exceptions below 500, is
# answered with that object in a list: `[{"error": …}]`. Callers that read `answer["error"]` fail on the very answers
# that were written for them, and two 400s of one endpoint have two forms.
# What to do: look whether the body is a list, or answer refusals by a response of one's own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python bentoml==1.4.40 httpx==0.28.1
cat > service.py <<'PYTHON'
import sys
import bentoml
from bentoml.exceptions import BadInput
from starlette.testclient import TestClient

@bentoml.service
class Age:
    @bentoml.api
    def years(self, age: int) -> int:
        if age < 0:
            raise BadInput("nobody is younger than nothing")
        return 1 // age

def form(body):
    return "a list with an object" if isinstance(body, list) else "an object"

found = {}
with TestClient(Age.to_asgi()) as client:
    for what, age in (("not understood", "old"), ("refused", -1), ("a fault", 0)):
        answer = client.post("/years", json={"age": age})
        found[what] = (answer.status_code, form(answer.json()))
        print(f"bentoml {bentoml.__version__}: {what}: {answer.status_code}, {form(answer.json())}")
sys.exit(found != {"not understood": (400, "an object"), "refused": (400, "a list with an object"),
                   "a fault": (500, "an object")})
PYTHON
HOME="$folder" BENTOML_DO_NOT_TRACK=True venv/bin/python -W ignore service.py 2> noise.txt | grep -a "^bentoml" \
  || { tail -5 noise.txt; exit 1; }
