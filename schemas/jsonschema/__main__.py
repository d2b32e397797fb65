"""`python -m schemas.jsonschema`: write the files anew, and publish those that are new."""

from schemas import asyncapi
from schemas.jsonschema import FOLDER, PUBLISHED, files

wanted = files()
for stale in FOLDER.glob("*.json"):
    if stale.name not in wanted:
        stale.unlink()
for name, text in wanted.items():
    (FOLDER / name).write_text(text, encoding="utf-8")
    first = PUBLISHED / name
    if not first.exists():
        first.write_text(text, encoding="utf-8")
asyncapi.FILE.write_text(asyncapi.text(), encoding="utf-8")
