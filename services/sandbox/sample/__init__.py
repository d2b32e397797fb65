"""The sample month: invented sellers, products and orders of October 2026, made by a seeded generator."""

from pathlib import Path

FOLDER = Path(__file__).parent / "data"
"""Registry CSVs and `orders.jsonl`, as the generator wrote them."""
