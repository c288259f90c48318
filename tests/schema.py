"""Holds TOML files against JSON Schemas with the validator of PyPI `jsonschema`.

    schema.py FOLDER    a schema in each file `FOLDER/<name>.json`, and on standard input lines of
                        JSON: `{"schema": name, "toml": text}`. For each line one of JSON comes
                        back: `null` where the file fits, else what is wrong with it first. A line
                        with `"part": true` may lack what its schema requires.
"""

import datetime
import json
import sys
import tomllib
from pathlib import Path

from jsonschema import Draft202012Validator


def plain(value):
    """A value of TOML as editors give it to a schema: dates and times are strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value


def lenient(schema):
    """A schema without the keywords by which it requires keys; a key `required` has a table."""
    if isinstance(schema, list):
        return [lenient(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    lists = {"required", "oneOf"}
    gone = {"if", "then", "else", "dependentRequired"}
    kept = (
        (key, value)
        for key, value in schema.items()
        if key not in gone and not (key in lists and isinstance(value, list))
    )
    return {key: lenient(value) for key, value in kept}


def validators(folder):
    for file in sorted(Path(folder).glob("*.json")):
        schema = json.loads(file.read_text())
        Draft202012Validator.check_schema(schema)
        yield (file.stem, False), Draft202012Validator(schema)
        yield (file.stem, True), Draft202012Validator(lenient(schema))


def main():
    known = dict(validators(sys.argv[1]))
    for line in sys.stdin:
        asked = json.loads(line)
        validator = known[asked["schema"], asked.get("part", False)]
        wrong = next(validator.iter_errors(plain(tomllib.loads(asked["toml"]))), None)
        told = wrong and f"{wrong.json_path}: {wrong.message}"
        print(json.dumps(told))


main()
