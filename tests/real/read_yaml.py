"""What PyYAML reads in the files of a directory: one line of JSON for each, its name, and a tree or an error."""

import datetime
import json
import math
import pathlib
import sys

import yaml


def plain(value):
    """JSON without loss of kind: what JSON lacks is a text that no config holds, led by its kind."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else f"\0{type(key).__name__} {key!r}": plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return f"\0float {value!r}"
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return f"\0int {value!r}"
    if isinstance(value, (set, bytes, datetime.date)):
        return f"\0{type(value).__name__} {value!r}"
    return value


for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        seen = {"read": plain(yaml.safe_load(file.read_bytes()))}
    except Exception as error:
        seen = {"error": type(error).__name__}
    print(json.dumps({"name": file.name, **seen}))
