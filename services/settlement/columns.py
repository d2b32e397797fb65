"""How a carrier's statement is laid out: a column map, as data (TOML).

No carrier publishes the format of its statement. The neutral CSV is ours; the maps in `maps/` are
samples of ours with invented headings, to be replaced by what a carrier's contract says.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from schemas.cod import FeeKind

MAPS: Final = Path(__file__).parent / "maps"

Column: TypeAlias = Literal[
    "carrier",
    "statement_no",
    "line_no",
    "tracking_no",
    "reference",
    "cod_vnd",
    "fee_vnd",
    "fee_kind",
    "net_vnd",
    "transferred_on",
]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
"""The neutral CSV's heading, in its order."""
NEEDED: Final[frozenset[Column]] = frozenset({"statement_no", "cod_vnd", "transferred_on"})
Mark: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1)]


class MapInvalid(ValueError):
    """A column map that cannot be used, and why."""


class ColumnMap(BaseModel):
    """`columns`: our column → the file's heading. `constants`: what every line of the file has.

    `fees`: a kind of fee → its heading, where a file has a column a kind. Without `line_no` a row is
    its number in the file; without `net_vnd` it is what is left after the fees.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = ""
    delimiter: Mark = ","
    encoding: str = "utf-8-sig"
    date: str = "%Y-%m-%d"
    thousands: Literal["", ".", ",", " "] = ""
    columns: dict[Column, str]
    constants: dict[Column, str] = {}
    fees: dict[FeeKind, str] = {}

    @model_validator(mode="after")
    def _is_enough(self) -> ColumnMap:
        lacking = sorted(NEEDED - self.columns.keys() - self.constants.keys())
        if lacking:
            message = f"no column and no constant for {', '.join(lacking)}"
            raise ValueError(message)
        if not {"tracking_no", "reference"} & self.columns.keys():
            raise ValueError("no column that names the parcel: tracking_no or reference")
        if self.fees and {"fee_vnd", "fee_kind"} & self.columns.keys():
            raise ValueError("either [fees] or the columns fee_vnd and fee_kind")
        return self


NEUTRAL: Final = ColumnMap(label="neutral CSV of ours", columns={name: name for name in COLUMNS})


def read_map(path: Path) -> ColumnMap:
    """A map from its file. Raises MapInvalid."""
    try:
        return ColumnMap.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MapInvalid(f"{path}: {error}") from error
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise MapInvalid(f"{path}: {where} {first['msg']}".replace("  ", " ")) from invalid
