"""Where an address is on the map of 34 provinces and 3,321 communes, or why nobody can tell.

Codes are GSO codes: text with leading zeros, and a vintage that says which map they belong to
(seven province codes changed their meaning in July 2025). Nothing is guessed: what fits two places
is `address_ambiguous`, what fits none `address_incorrect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.intake import HoldReason
from schemas.place import Place, Vintage
from services.reference.names import folded, spelling, without_prefix
from services.reference.place_tables import Ward, read_place_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.reference.place_tables import PlaceTables, Region

Words = tuple[str, ...]
Codes = frozenset[str]

WARD_PREFIXES: Final = tuple(
    spelling(prefix)
    for prefix in (
        *("thị trấn", "thị xã", "đặc khu", "phường", "xã", "quận", "huyện"),
        *("tt", "tx", "đk", "p", "x", "q", "h"),
    )
)
PROVINCE_PREFIXES: Final = tuple(
    spelling(prefix) for prefix in ("thành phố", "thủ đô", "tỉnh", "tp", "t")
)
OTHER_NAMES: Final = {
    "Sài Gòn": "79",
    "HCM": "79",
    "TPHCM": "79",
    "HN": "01",
    "Thừa Thiên Huế": "46",
    "Đắc Lắc": "66",
    "Đắc Nông": "68",
    "Bắc Cạn": "19",
    "Kontum": "51",
    "Vũng Tàu": "79",
}
"""How people write provinces that the tables spell otherwise, and the province of today."""


class Confidence(StrEnum):
    """What a place was found by, the surest first."""

    CODE = "code"
    NAME = "name"
    OLD_PROVINCE = "old_province"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says of its commune; anything may be missing or wrong."""

    province_code: str | None = None
    province_name: str | None = None
    ward_code: str | None = None
    ward_name: str | None = None
    vintage: str | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """The commune and how sure that is."""

    place: Place
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Unlocated:
    """No single commune fits. `detail` tells a seller what to send; it repeats no given text."""

    reason: HoldReason
    detail: str


class Places:
    """The immutable map. Made once (`Places.load()`), then only dictionary look-ups."""

    def __init__(self, tables: PlaceTables) -> None:
        self._provinces = tables.provinces
        self._towns = _towns(tables.wards.values())
        self._wards = tables.wards
        self._regions = tables.regions
        self._old_codes = tables.old_codes
        self._province_names = _province_names(tables)
        self._current_names = frozenset(spelling(name) for name in tables.provinces.values())
        self._folded_provinces = _joined(
            (folded(name), codes) for name, codes in self._province_names.items()
        )
        self._toned: dict[tuple[str, Words], tuple[Ward, ...]] = {}
        self._folded: dict[tuple[str, Words], tuple[Ward, ...]] = {}
        self._located: dict[tuple[str, Confidence], Located] = {}
        for ward in tables.wards.values():
            name = spelling(ward.name)
            _append(self._toned, (ward.province_code, name), ward)
            _append(self._folded, (ward.province_code, folded(name)), ward)
            place = Place(province_code=ward.province_code, ward_code=ward.code)
            for confidence in Confidence:
                self._located[ward.code, confidence] = Located(place, confidence)

    @classmethod
    def load(cls) -> Places:
        """The map of the files that ship with the package."""
        return cls(read_place_tables())

    def province_name(self, province_code: str) -> str:
        """`Lâm Đồng` for 68. Raises KeyError for a code that is not of the 34."""
        return self._provinces[province_code]

    def town(self, province_code: str) -> Ward:
        """A commune that stands for its province: the first urban one by code, else the first.

        Raises KeyError for a code that is not of the 34.
        """
        return self._towns[province_code]

    def ward(self, ward_code: str) -> Ward:
        """The commune of a code of the map of today. Raises KeyError."""
        return self._wards[ward_code]

    def region(self, province_code: str) -> Region:
        """The socio-economic region of one of the 34 provinces. Raises KeyError."""
        return self._regions[province_code]

    def locate(self, address: Address) -> Located | Unlocated:
        """Find the commune of an address."""
        provinces = self._provinces_of(address)
        if isinstance(provinces, Unlocated):
            return provinces
        coded = None
        if address.ward_code and address.vintage != Vintage.BEFORE_2025:
            coded = self._wards.get(address.ward_code)
        if not provinces:
            if coded is None or address.vintage != Vintage.SINCE_2025:
                return _incorrect("The province is missing.")
            provinces = frozenset((coded.province_code,))
        if coded is None:
            return self._by_name(address, provinces)
        return self._by_code(address, provinces, coded)

    def _provinces_of(self, address: Address) -> Codes | Unlocated:
        """The provinces the address may mean; empty if it names none."""
        coded = self._provinces_by_code(address.province_code, address.vintage)
        named = self._provinces_by_name(address.province_name)
        if address.province_name and not named and not coded:
            return _incorrect("No province has this name.")
        if address.province_code and not coded and not named:
            return _incorrect("No province has this code on the map its vintage names.")
        if coded and named and not coded & named:
            return _incorrect(
                f"The province code means {self._listed(coded)}, the name {self._listed(named)}."
            )
        return coded & named or coded or named

    def _provinces_by_code(self, code: str | None, vintage: str | None) -> Codes:
        if not code:
            return frozenset()
        now = frozenset((code,)) & self._provinces.keys()
        if vintage == Vintage.SINCE_2025:
            return now
        before = self._old_codes.get(code, frozenset())
        return before if vintage == Vintage.BEFORE_2025 else now | before

    def _provinces_by_name(self, name: str | None) -> Codes:
        full = spelling(name or "")
        short = without_prefix(full, PROVINCE_PREFIXES)
        found = self._province_names.get(full) or self._province_names.get(short)
        if found:
            return found
        full, short = folded(full), without_prefix(folded(full), FOLDED_PROVINCE_PREFIXES)
        found = self._folded_provinces.get(full) or self._folded_provinces.get(short)
        return found or frozenset()

    def _by_code(self, address: Address, provinces: Codes, coded: Ward) -> Located | Unlocated:
        """A commune code of today's map: it must agree with the names beside it."""
        inside = coded.province_code in provinces
        named, _ = self._wards_named(address, provinces)
        if inside and coded in named:
            return self._located[coded.code, Confidence.CODE]
        if address.vintage != Vintage.SINCE_2025:
            return self._by_name(address, provinces)
        if inside and not address.ward_name:
            return self._located[coded.code, Confidence.CODE]
        told = f"The commune code means {coded.full_name}, {self._provinces[coded.province_code]}"
        if named:
            return _ambiguous(f"{told}; the names mean {self._named(named)}. Send which is right.")
        return _incorrect(f"{told}; the address names another place.")

    def _by_name(self, address: Address, provinces: Codes) -> Located | Unlocated:
        where = self._listed(provinces)
        if not address.ward_name:
            if address.ward_code and address.vintage is None:
                return _ambiguous("Send the commune's name, or the vintage its code belongs to.")
            return _incorrect(f"The commune in {where} is missing, or its code is not of today.")
        found, confidence = self._wards_named(address, provinces)
        if not found:
            return _incorrect(f"{where} has no commune of this name since July 2025.")
        if len(found) > 1:
            return _ambiguous(f"The commune may be {self._named(found)}. Send its code.")
        return self._located[found[0].code, confidence]

    def _wards_named(
        self, address: Address, provinces: Codes
    ) -> tuple[tuple[Ward, ...], Confidence]:
        """Communes the address may name: with tones first, without only if no toned one fits."""
        full = spelling(address.ward_name or "")
        toned = _collect(self._toned, provinces, {full, without_prefix(full, WARD_PREFIXES)})
        if toned and not _typed_without_tones(address):
            return toned, self._confidence(address)
        plain = folded(full)
        names = {plain, without_prefix(plain, FOLDED_WARD_PREFIXES)}
        confidence = self._confidence(address) if toned else Confidence.FOLDED
        return _collect(self._folded, provinces, names), confidence

    def _confidence(self, address: Address) -> Confidence:
        name = spelling(address.province_name or "")
        current = {name, without_prefix(name, PROVINCE_PREFIXES)} & self._current_names
        if address.vintage == Vintage.BEFORE_2025 or (name and not current):
            return Confidence.OLD_PROVINCE
        return Confidence.NAME

    def _listed(self, provinces: Codes) -> str:
        return " or ".join(self._provinces[code] for code in sorted(provinces))

    def _named(self, wards: tuple[Ward, ...]) -> str:
        return " or ".join(f"{ward.full_name} ({ward.code})" for ward in wards)


FOLDED_WARD_PREFIXES: Final = tuple(folded(prefix) for prefix in WARD_PREFIXES)
FOLDED_PROVINCE_PREFIXES: Final = tuple(folded(prefix) for prefix in PROVINCE_PREFIXES)


def _typed_without_tones(address: Address) -> bool:
    """Is there no sign that the writer types marks? Then `Thanh An` may mean Thạnh An."""
    return ((address.ward_name or "") + (address.province_name or "")).isascii()


def _province_names(tables: PlaceTables) -> dict[Words, Codes]:
    """Every name of a province, of both vintages, and the provinces of today it may mean."""
    return _joined(
        [
            *((spelling(name), frozenset((code,))) for code, name in tables.provinces.items()),
            *((spelling(name), codes) for name, codes in tables.old_names.items()),
            *((spelling(name), frozenset((code,))) for name, code in OTHER_NAMES.items()),
        ]
    )


def _towns(wards: Iterable[Ward]) -> dict[str, Ward]:
    found: dict[str, Ward] = {}
    rural_last = sorted(wards, key=lambda one: (one.full_name == f"Xã {one.name}", one.code))
    for ward in rural_last:
        found.setdefault(ward.province_code, ward)
    return found


def _joined(pairs: Iterable[tuple[Words, Codes]]) -> dict[Words, Codes]:
    joined: dict[Words, Codes] = {}
    for name, codes in pairs:
        joined[name] = joined.get(name, frozenset()) | codes
    return joined


def _collect(
    index: dict[tuple[str, Words], tuple[Ward, ...]], provinces: Codes, names: set[Words]
) -> tuple[Ward, ...]:
    found = {
        ward.code: ward
        for province in sorted(provinces)
        for name in names
        for ward in index.get((province, name), ())
    }
    return tuple(found.values())


def _append(
    index: dict[tuple[str, Words], tuple[Ward, ...]], key: tuple[str, Words], ward: Ward
) -> None:
    index[key] = (*index.get(key, ()), ward)


def _incorrect(detail: str) -> Unlocated:
    return Unlocated(HoldReason.ADDRESS_INCORRECT, detail)


def _ambiguous(detail: str) -> Unlocated:
    return Unlocated(HoldReason.ADDRESS_AMBIGUOUS, detail)
