"""Whether goods may leave and be let in, and what customs must be told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.order_lines import english_name, hs_code

if TYPE_CHECKING:
    from services.channels.neutral import Line
    from services.reference.exports import Exports
    from streams.rules.order_lines import Product


def not_accepted_abroad(line: Line, product: Product, country: str, exports: Exports) -> str | None:
    """Why a line may not go to a country of the rule book, as the end of a sentence."""
    classes = {*product.handling, *line.handling}
    if kept := sorted(classes & exports.not_exported):
        return f"is of a class that may not leave the country ({', '.join(kept)})"
    there = exports.countries[country]
    if refused := sorted(classes - there.accepts):
        return f"is of a class that {country} does not let in ({', '.join(refused)})"
    code = hs_code(line, product) or ""
    heading = next((one for one in there.refused_hs if code.startswith(one)), None)
    return f"is under HS {heading}, which {country} does not let in by post" if heading else None


def missing_for_customs(line: Line, product: Product) -> tuple[str, ...]:
    """What nobody says of the goods."""
    said = {"English name": english_name(line, product), "HS code": hs_code(line, product)}
    return tuple(name for name, value in said.items() if not value)
