#!/usr/bin/env python3
"""Holds documents to the strict JSON schema of CycloneDX 1.6: what it does not name is wrong.

  cyclonedx_valid.py BOM.json...

Prints 'ok' or 'FAIL: why' for each; exits 1 when any is wrong.
"""
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.V1_6)
failed = False
for path in sys.argv[1:]:
    error = validator.validate_str(open(path, encoding="utf-8").read())
    failed = failed or error is not None
    print("ok" if error is None else f"FAIL: {str(error)[:300]}")
sys.exit(1 if failed else 0)
