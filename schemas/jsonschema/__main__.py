"""`python -m schemas.jsonschema`: write the files anew."""

from schemas.jsonschema import FOLDER, files

wanted = files()
for stale in FOLDER.glob("*.json"):
    if stale.name not in wanted:
        stale.unlink()
for name, text in wanted.items():
    (FOLDER / name).write_text(text, encoding="utf-8")
