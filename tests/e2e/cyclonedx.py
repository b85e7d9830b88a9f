"""Holds a CycloneDX 1.5 document against the official schema: cyclonedx.py SCHEMAS DOCUMENT."""
import json
import sys
from pathlib import Path

import jsonschema

schemas, document = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
store = {}
for path in schemas.glob("*.schema.json"):
    schema = json.loads(path.read_text())
    store[schema["$id"]] = schema
bom = store["http://cyclonedx.org/schema/bom-1.5.schema.json"]
validator = jsonschema.Draft7Validator(bom, resolver=jsonschema.RefResolver(bom["$id"], bom, store))
errors = [f"{list(error.absolute_path)}: {error.message[:300]}" for error in validator.iter_errors(document)]
sys.exit("\n".join(errors) or 0)
