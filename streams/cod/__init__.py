"""COD: where the cash of every booking is, from bookings, tracking, statements and decisions."""

from streams.cod.stage import Cod

__all__ = ["Cod"]
