"""Every sandbox there is: how it is built, and where in the gateway its webhooks go."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from services.sandbox.ems import EmsSandbox
from services.sandbox.ghn import GhnSandbox
from services.sandbox.ghtk import GhtkSandbox
from services.sandbox.key import signing_key
from services.sandbox.lazada import LazadaSandbox
from services.sandbox.sendo import SendoSandbox
from services.sandbox.shopee import ShopeeSandbox
from services.sandbox.tiki import TikiSandbox
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox
from services.sandbox.vnpost_legacy import VietnamPostLegacySandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.sandbox.options import Options
    from services.sandbox.serving import Peer


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`hook`: the path of the gateway it tells; empty: it is asked instead. `build` is given its options and a data folder."""

    hook: str
    build: Callable[[Options, Path], Peer]


def vnpost(options: Options, folder: Path) -> VietnamPostSandbox:
    """Signs with a key that outlives a restart; its public half lies beside it."""
    return VietnamPostSandbox(options, signing_key(folder / "sandbox-vnpost.pem"))


def vnpost_legacy(options: Options, folder: Path) -> VietnamPostLegacySandbox:
    """Signs with a key of its own that outlives a restart."""
    return VietnamPostLegacySandbox(options, signing_key(folder / "sandbox-vnpost_legacy.pem"))


SANDBOXES: Final[Mapping[str, Sandbox]] = MappingProxyType(
    {
        "viettelpost": Sandbox(
            "/v1/carriers/viettelpost/partner_v2/events",
            lambda options, _: ViettelPostSandbox(options),
        ),
        "vnpost": Sandbox("/v1/carriers/vnpost/myvnpost/events", vnpost),
        "vnpost_legacy": Sandbox("/v1/carriers/vnpost/legacy/events", vnpost_legacy),
        # It tells in two more forms, beside this path: see services/sandbox/ems.py.
        "ems": Sandbox(
            "/v1/carriers/ems/merchantsite/events", lambda options, _: EmsSandbox(options)
        ),
        "ghn": Sandbox("/v1/carriers/ghn/v2/events", lambda options, _: GhnSandbox(options)),
        "ghtk": Sandbox(
            "/v1/carriers/ghtk/services/events", lambda options, _: GhtkSandbox(options)
        ),
        "shopee": Sandbox("/v1/channels/shopee/push", lambda options, _: ShopeeSandbox(options)),
        "lazada": Sandbox("/v1/channels/lazada/push", lambda options, _: LazadaSandbox(options)),
        "tiki": Sandbox("", lambda options, _: TikiSandbox(options)),
        "sendo": Sandbox("", lambda options, _: SendoSandbox(options)),
    }
)
"""By name: the word of its settings, its process and `ocop sandbox`."""
