"""Writes src/validate/service-model.json from the service model that botocore carries.

The file holds only constraints (types, lengths, patterns, enumerations, required members) of the operations
and of the shapes they reach; no documentation text. Run it with a Python that has botocore:

    python service_model.py ../../src/validate/service-model.json
"""

import json
import sys

import botocore.loaders

KEPT = ("type", "min", "max", "pattern", "enum", "required")


def reached(shapes, names):
    """Returns the names of all shapes reachable from `names`."""
    seen = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        queue.extend(neighbours(shapes[name]))
    return seen


def neighbours(shape):
    """Returns the names of the shapes that `shape` names directly."""
    direct = [shape[key]["shape"] for key in ("member", "key", "value") if key in shape]
    return direct + [member["shape"] for member in shape.get("members", {}).values()]


def compact(shape):
    """Returns the constraints of `shape` in the form that the Rust side reads."""
    kept = {key: shape[key] for key in KEPT if key in shape}
    for key in ("member", "key", "value"):
        if key in shape:
            kept[key] = shape[key]["shape"]
    if "members" in shape:
        kept["members"] = {name: member["shape"] for name, member in sorted(shape["members"].items())}
    return kept


def main():
    model = botocore.loaders.Loader().load_service_model("ecr", "service-2")
    shapes = model["shapes"]
    operations = {
        name: {"input": operation["input"]["shape"], "output": operation["output"]["shape"]}
        for name, operation in sorted(model["operations"].items())
    }
    roots = [shape for operation in operations.values() for shape in operation.values()]
    lines = ['{"operations":{']
    lines.append(",\n".join(json.dumps(name) + ":" + json.dumps(operation) for name, operation in operations.items()))
    lines.append('},"shapes":{')
    lines.append(
        ",\n".join(json.dumps(name) + ":" + json.dumps(compact(shapes[name])) for name in sorted(reached(shapes, roots)))
    )
    lines.append("}}\n")
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("\n".join(lines))


main()
