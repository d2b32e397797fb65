"""The webhook formats there are, by carrier and api and by how a partner's bodies are verified."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from schemas.intake import LOGISTICS
from services.carriers.ems import webhook as ems
from services.carriers.ghn import webhook as ghn
from services.carriers.ghtk import webhook as ghtk
from services.carriers.platform import PlatformPackages
from services.carriers.viettelpost import webhook as viettelpost
from services.carriers.vnpost import webhook as vnpost
from services.carriers.vnpost_legacy import webhook as vnpost_legacy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.carriers.webhook import AnswerForm, Verifier, WebhookFormat

WEBHOOKS: Final[Mapping[tuple[str, str], WebhookFormat]] = MappingProxyType(
    {
        (viettelpost.CARRIER, viettelpost.API): viettelpost.ViettelPostWebhook(),
        (vnpost.CARRIER, vnpost.API): vnpost.VietnamPostWebhook(),
        (ghn.CARRIER, ghn.API): ghn.GhnWebhook(),
        (ghtk.CARRIER, ghtk.API): ghtk.GhtkWebhook(),
        (vnpost_legacy.CARRIER, vnpost_legacy.API): vnpost_legacy.VietnamPostLegacyWebhook(),
        (ems.CARRIER, "merchantsite"): ems.EmsWebhook("merchantsite", ems.MERCHANTSITE),
        (ems.CARRIER, "myems"): ems.EmsWebhook("myems", ems.MYEMS),
        **{(name, LOGISTICS): PlatformPackages(name) for name in ("shopee", "lazada", "tiki")},
    }
)
"""(carrier, api) → its format."""

VERIFICATIONS: Final[Mapping[str, Verifier]] = MappingProxyType(
    {
        "viettelpost_token": WEBHOOKS["viettelpost", "partner_v2"],
        "vnpost_rsa": WEBHOOKS["vnpost", "myvnpost"],
        "ghn_url_key": WEBHOOKS["ghn", "v2"],
        "ghtk_url_hash": WEBHOOKS["ghtk", "services"],
        "vnpost_legacy_rsa": WEBHOOKS["vnpost", "legacy"],
        "ems_url_key": WEBHOOKS["ems", "merchantsite"],
    }
)
"""`registry.partners.verification` → whose `verify` checks that partner's bodies."""

EVENT_ID_HEADERS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {(ems.CARRIER, api): ems.TRANSACTION for api in ("merchantsite", "myems")}
)
"""(carrier, api) → the header, lower-case, that holds the carrier's own id of the event."""

ANSWERS: Final[Mapping[tuple[str, str], AnswerForm]] = MappingProxyType(
    {(ems.CARRIER, api): ems.EmsAnswer() for api in ("merchantsite", "myems")}
)
"""(carrier, api) → the form of answer the carrier insists on."""
