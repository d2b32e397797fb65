"""Write the sample month anew: `python -m services.sandbox.sample [--orders N] [--seed N]`."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from services.reference.places import Places
from services.sandbox.ghn_places import write_places
from services.sandbox.sample import FOLDER
from services.sandbox.sample.orders import OrderMaker
from services.sandbox.sample.registry import make_registry
from services.sandbox.sample.wards import read_old_provinces, read_wards

ORDERS = 2200
SEED = 20261001


def main() -> None:
    """Generate registry and orders; the same arguments write the same bytes."""
    options = argparse.ArgumentParser(prog="sample", description=__doc__)
    options.add_argument("--orders", type=int, default=ORDERS, help="different orders to make")
    options.add_argument("--seed", type=int, default=SEED, help="of the random source")
    options.add_argument("--folder", type=Path, default=FOLDER, help="where to write")
    chosen = options.parse_args()
    write_sample(chosen.folder, chosen.orders, chosen.seed)


def write_sample(folder: Path, orders: int, seed: int) -> None:
    """Write the registry's CSVs and `orders.jsonl` into `folder`."""
    rng = random.Random(seed)
    wards = read_wards()
    registry = make_registry(rng, wards)
    maker = OrderMaker(rng, registry, wards, read_old_provinces())
    folder.mkdir(parents=True, exist_ok=True)
    registry.write(folder)
    places = Places.load()
    write_places(folder, {places.province_name(c): places.town(c).code for c in wards})
    with (folder / "orders.jsonl").open("w", encoding="utf-8") as file:
        for line in maker.make(orders):
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
