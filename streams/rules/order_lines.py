"""A line of an order as it is told of: what the channel says, filled up from the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.intake import Handling, OrderLine
from schemas.place import HOME
from streams.rules.certificates import ocop_certificate

if TYPE_CHECKING:
    from datetime import date

    from schemas.intake import OcopGroup
    from services.channels.neutral import Line
    from streams.rules.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Product:
    """A row of the seller's registry with its certificates. Weight and sizes of one unit."""

    sku: str
    name: str
    origin_id: str
    origin_province: str
    group: OcopGroup
    weight_g: int | None = None
    length_cm: int | None = None
    width_cm: int | None = None
    height_cm: int | None = None
    handling: tuple[Handling, ...] = (Handling.DRY,)
    transit_tolerance_h: int | None = None
    name_en: str | None = None
    hs_code: str | None = None
    prohibited: bool = False
    certificates: tuple[Certificate, ...] = ()


def order_line(
    line: Line, product: Product, day: date, *, ordinary: bool, declared: bool = False
) -> OrderLine:
    """What the line says wins, the registry fills the rest; star and certificate are its alone.

    `declared`: customs are to be told what it is.
    """
    certificate = None if ordinary else ocop_certificate(product.certificates, day)
    return OrderLine(
        line_no=line.line_no,
        sku=product.sku,
        name=line.name or product.name,
        quantity=line.quantity,
        unit_price_vnd=line.unit_price,
        weight_g=weight_g(line, product),
        length_cm=product.length_cm,
        width_cm=product.width_cm,
        height_cm=product.height_cm,
        origin_id=product.origin_id,
        origin_province=product.origin_province,
        group=product.group,
        star=(certificate.star or 0) if certificate else 0,
        certificate_no=certificate.number if certificate else None,
        # A channel may add a hazard, never take one away.
        handling=tuple(dict.fromkeys((*product.handling, *line.handling))),
        lot=line.lot,
        best_before=line.best_before,
        transit_tolerance_h=product.transit_tolerance_h,
        hs_code=hs_code(line, product) if declared else None,
        origin_country=(line.origin_country or HOME) if declared else None,
        name_en=english_name(line, product) if declared else None,
    )


def weight_g(line: Line, product: Product) -> int:
    """Of one unit; 0 where nobody says."""
    return line.weight_g or product.weight_g or 0


def hs_code(line: Line, product: Product) -> str | None:
    """The code of the Harmonised System, where somebody says one."""
    return line.hs_code or product.hs_code


def english_name(line: Line, product: Product) -> str | None:
    """What customs abroad read, where somebody says it."""
    return line.name_en or product.name_en
