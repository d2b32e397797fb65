"""Packing: stations' reports judged, shipments closed into parcels."""

from streams.packing.stage import Packing

__all__ = ["Packing"]
