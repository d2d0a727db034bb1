"""Says how Python's configparser reads a file: one line of base64 in, one line of JSON out, until the input ends.

The reply is {"error": NAME}, or {"sections": {NAME: {KEY: VALUE}}, "password": VALUE or null}, where the sections are
those of RawConfigParser, and the password is what ConfigParser makes of it (null where it refuses or has none).
"""

import base64
import configparser
import io
import json
import sys


def load(parser, data):
    # As open() reads a file, and without the byte order mark that an editor may have put there.
    parser.read_file(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig"))
    return parser


def cooked_password(data):
    try:
        return load(configparser.ConfigParser(), data).get("DEFAULT", "password")
    except configparser.Error:
        return None


def reply(data):
    try:
        parser = load(configparser.RawConfigParser(), data)
    except Exception as error:
        return {"error": type(error).__name__}
    sections = {name: dict(values) for name, values in parser._sections.items()}
    sections["DEFAULT"] = dict(parser.defaults())
    return {"sections": sections, "password": cooked_password(data)}


for line in sys.stdin:
    print(json.dumps(reply(base64.b64decode(line))), flush=True)
