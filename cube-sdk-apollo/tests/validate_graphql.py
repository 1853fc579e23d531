"""Validates every document beside schema.graphql with graphql-core, and that seeded mistakes are refused.

Prints one JSON object. Exit status 77: graphql-core is not installed. 1: a document is invalid or a mistake passed.
"""

import json
import pathlib
import re
import sys

try:
    import graphql
except ImportError:
    sys.exit(77)


def main(folder):
    schema = graphql.build_schema((folder / "schema.graphql").read_text())
    problems = [str(error) for error in graphql.validate_schema(schema)]
    valid = refused = 0
    for path in sorted(folder.glob("*.graphql")):
        if path.name == "schema.graphql":
            continue
        text = path.read_text()
        errors = graphql.validate(schema, graphql.parse(text))
        problems += [f"{path.name}: {error.message}" for error in errors]
        valid += not errors
        argument = re.sub(r"\((\w+): (?=\$|\d)", r"(x\1: ", text, count=1)
        field = re.sub(r"^(\s+)(\w+)$", r"\1\2x", text, count=1, flags=re.M)
        for mistake in (argument, field):
            if mistake == text:
                continue
            if graphql.validate(schema, graphql.parse(mistake)):
                refused += 1
            else:
                problems.append(f"{path.name}: a seeded mistake passed")
    print(json.dumps({"valid": valid, "mistakes_refused": refused}))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
