"""Every sandbox there is: how it is built, and where in the gateway its webhooks go."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from services.sandbox.ghn import GhnSandbox
from services.sandbox.ghtk import GhtkSandbox
from services.sandbox.key import signing_key
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.sandbox.options import Options
    from services.sandbox.serving import Peer


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`hook`: the path of the gateway it tells. `build` is given its options and a data folder."""

    hook: str
    build: Callable[[Options, Path], Peer]


def vnpost(options: Options, folder: Path) -> VietnamPostSandbox:
    """Signs with a key that outlives a restart; its public half lies beside it."""
    return VietnamPostSandbox(options, signing_key(folder / "sandbox-vnpost.pem"))


SANDBOXES: Final[Mapping[str, Sandbox]] = MappingProxyType(
    {
        "viettelpost": Sandbox(
            "/v1/carriers/viettelpost/partner_v2/events",
            lambda options, _: ViettelPostSandbox(options),
        ),
        "vnpost": Sandbox("/v1/carriers/vnpost/myvnpost/events", vnpost),
        "ghn": Sandbox("/v1/carriers/ghn/v2/events", lambda options, _: GhnSandbox(options)),
        "ghtk": Sandbox(
            "/v1/carriers/ghtk/services/events", lambda options, _: GhtkSandbox(options)
        ),
    }
)
"""By name: the word of its settings, its process and `ocop sandbox`."""
