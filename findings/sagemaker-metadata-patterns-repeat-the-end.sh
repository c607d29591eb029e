#!/usr/bin/env bash
# botocore 1.44.8's model of SageMaker bounds the keys and values of a model package's metadata by their patterns:
# `([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}`. What is repeated there is the end of the text (`$`), not the class before
# it; Python's re and JavaScript's RegExp refuse the pattern ("nothing to repeat"). Who checks requests by the published
# patterns has to know these two by name.
# What to do: check the class, and the length beside it, which the same shapes say as `max` (128 and 256).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check botocore==1.44.8
cat > patterns.py <<'PYTHON'
import re, sys
import botocore, botocore.session

model = botocore.session.get_session().get_service_model("sagemaker")
found = {}
for name in ("CustomerMetadataKey", "CustomerMetadataValue"):
    shape = model.shape_for(name)
    pattern = shape.metadata["pattern"]
    # Both libraries know the class by another way than \p; only the end matters here.
    plain = re.sub(r"\\p\{.\}", "a-z", pattern)
    try:
        re.compile(plain)
        python = "understood"
    except re.error as error:
        python = str(error).split(" at ")[0]
    found[name] = (pattern[pattern.index("$"):], shape.metadata.get("max"), python)
    print(f"botocore {botocore.__version__}: {name} ends with {found[name][0]}, max {found[name][1]}; re: {python}")
sys.exit(found != {"CustomerMetadataKey": ("${1,128}", 128, "nothing to repeat"),
                   "CustomerMetadataValue": ("${1,256}", 256, "nothing to repeat")})
PYTHON
venv/bin/python -W ignore patterns.py
node -e 'try { new RegExp("([a-z]*)${1,128}"); process.exit(1) } catch (error) { console.log(`Node ${process.version}: ${error.message}`) }'
