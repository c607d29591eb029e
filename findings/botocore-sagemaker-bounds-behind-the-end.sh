#!/usr/bin/env bash
# botocore's model of SageMaker states what keys and values of CustomerMetadataProperties may be by patterns that no engine takes: their
# bounds stand behind the end of the text, "([…]*)${1,128}", and an end cannot be repeated. Python's re and JavaScript's RegExp refuse
# to compile them, with and without the u flag. Only these two of all patterns of the model are so. botocore itself never compiles
# patterns, so nobody hears of it; whoever makes a validator of the model does.
# What follows for us: the fake holds such values to no pattern, and bounds of theirs are kept by us (model-packages.ts).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target site botocore==1.44.8
cat > patterns.py <<'PY'
import gzip, json, re

model = json.load(gzip.open("site/botocore/data/sagemaker/2017-07-24/service-2.json.gz"))
odd = {name: shape["pattern"] for name, shape in model["shapes"].items() if re.search(r"\$\{\d", shape.get("pattern", ""))}
refused = []
for name, pattern in odd.items():
    # Python knows no \p{…}: ranges stand in for them, the rest is as it is.
    plain = pattern.replace(r"\p{L}", "a-z").replace(r"\p{Z}", " ").replace(r"\p{N}", "0-9")
    try:
        re.compile(plain)
    except re.error as error:
        refused.append(f"{name}: {error.msg}")
print("botocore 1.44.8:", "; ".join(refused))
json.dump(odd, open("odd.json", "w"))
raise SystemExit(0 if sorted(odd) == ["CustomerMetadataKey", "CustomerMetadataValue"] and len(refused) == 2 else 1)
PY
python3 patterns.py
cat > patterns.mjs <<'JS'
import { readFileSync } from 'node:fs'
const patterns = Object.values(JSON.parse(readFileSync('odd.json', 'utf8')))
const taken = patterns.filter((pattern) => ['', 'u', 'v'].some((flags) => {
  try { return new RegExp(pattern, flags) && true } catch { return false }
}))
console.log(`RegExp of Node ${process.version} takes ${taken.length} of ${patterns.length}`)
process.exit(taken.length === 0 ? 0 : 1)
JS
node patterns.mjs
