#!/usr/bin/env python3
"""Prints syncline-json(5), made of the schema of the answers.

usage: make_manual.py SCHEMA VERSION
"""

import json
import sys

SIMPLE = ("stage", "time", "fields")
# Parts of answers, which come behind them.
PARTS = ("receipt", "receipt_of_file", "finding", "histogram", "adopted", "level", "old_way_level")

HEAD = r"""
.SH NAME
syncline\-json \- what syncline prints with \-\-json
.SH DESCRIPTION
Each answer of
.BR syncline (1)
with
.B \-\-json
is one object on one line of standard output, a failure too;
.BR log " and " export
print one for each record.
The exit code is the same as without.
.PP
Every key is always there, in this order, and null where it does not apply.
Bytes that are not UTF\-8 become U+FFFD.
.B schema
is 1 in every answer; it grows where a key goes or changes what it means.
Keys may come without that.
.PP
The same as JSON Schema (draft 2020\-12), a shape for each answer in
.BR $defs ,
is installed as
.BR syncline.schema.json .
.SH ANSWERS""".strip()


def escaped(text):
    for plain, written in (("\\", r"\e"), ("-", r"\-"), ('"', r"\(dq"), ("'", r"\(aq")):
        text = text.replace(plain, written)
    return text


def sentence(words):
    return escaped(words[0].upper() + words[1:]) + "."


def type_of(shape):
    """In words: "text or null"."""
    if "$ref" in shape:
        return shape["$ref"].split("/")[-1]
    if "oneOf" in shape:
        return " or ".join(type_of(one) for one in shape["oneOf"])
    if "const" in shape:
        return json.dumps(shape["const"])
    if "enum" in shape:
        return "one of " + ", ".join(json.dumps(one) for one in shape["enum"])
    kind = shape["type"]
    if isinstance(kind, list):
        return " or ".join("null" if one == "null" else type_of({**shape, "type": one}) for one in kind)
    if kind == "array":
        return "list of " + type_of(shape["items"])
    if kind == "object":
        return "object" if "properties" in shape else "object of " + type_of(shape["additionalProperties"])
    return {"string": "text", "integer": "number", "number": "real number",
            "boolean": "true or false", "null": "null"}[kind]


def properties_of(shape):
    """Those of the object that a value is, or that a list holds."""
    if "properties" in shape:
        return shape["properties"]
    inner = [shape.get("items"), shape.get("additionalProperties"), *shape.get("oneOf", ())]
    found = (properties_of(one) for one in inner if isinstance(one, dict) and "$ref" not in one)
    return next((one for one in found if one), {})


def print_keys(properties):
    for name, shape in properties.items():
        if name == "schema":
            continue
        print(".TP")
        print(".B " + escaped(name))
        print(" ".join([sentence(type_of(shape)), escaped(shape.get("description", ""))]).strip())
        inner = properties_of(shape)
        if inner:
            print(".RS")
            print_keys(inner)
            print(".RE")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        shapes = json.load(file)["$defs"]
    print(rf'.TH SYNCLINE\-JSON 5 2026-12 "Syncline {sys.argv[2]}" "Syncline"')
    print(HEAD)
    for name, shape in shapes.items():
        if name not in SIMPLE and name not in PARTS:
            print(rf".SS {escaped(shape['description'].rstrip('.'))} \fR({escaped(name)})")
            print_keys(shape["properties"])
    print(".SH PARTS")
    for name in SIMPLE:
        print(f".TP\n.B {name}")
        print(escaped(shapes[name]["description"]), sentence(type_of(shapes[name])))
    for name in PARTS:
        print(f".SS {escaped(name)}")
        if "description" in shapes[name]:
            print(escaped(shapes[name]["description"]))
        print_keys(shapes[name]["properties"])
    print(".SH SEE ALSO\n.BR syncline (1),\n.BR syncline.toml (5)")


if __name__ == "__main__":
    main()
