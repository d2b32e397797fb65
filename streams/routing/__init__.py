"""Routing: which carrier carries which shipment of an order, and why."""

from streams.routing.stage import Routing

__all__ = ["Routing"]
