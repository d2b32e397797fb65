"""How we are known at each channel, and how the channel runner works, from `OCOP_CHANNEL_…`."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.channels.port import ChannelAccount

if TYPE_CHECKING:
    from collections.abc import Mapping


class ChannelSettings(BaseSettings):
    """Fields `<channel>_<field of ChannelAccount>`. Secrets are not here: `ocop keys seal`."""

    model_config = SettingsConfigDict(env_prefix="OCOP_CHANNEL_", frozen=True, extra="ignore")

    shopee_url: str = "http://127.0.0.1:8471"
    shopee_app_id: str = Field(
        "2000001", description="our partner_id; the default is the sandbox's"
    )
    shopee_push_url: str = Field(
        "", description="as registered with Shopee, byte for byte; default: the gateway's own"
    )
    lazada_url: str = "http://127.0.0.1:8472"
    lazada_app_id: str = Field("100001", description="our app_key; the default is the sandbox's")

    timeout_s: PositiveFloat = Field(15.0, description="of one call")
    concurrency: PositiveInt = Field(16, description="calls at a time to one channel")
    first_look_days: PositiveInt = Field(
        15, description="how far back a shop's orders are looked for when it joins"
    )
    poll_every_s: PositiveFloat | None = Field(
        None, description="between two polls of a shop; default: the channel's own"
    )

    tiki_url: str = "http://127.0.0.1:8473"
    tiki_app_id: str = "sandbox"
    tiki_details: dict[str, str] = Field(
        default_factory=dict, description="what Tiki leaves open, see services/channels/tiki"
    )
    sendo_url: str = "http://127.0.0.1:8474"
    postmart_url: str = Field(
        "", description="where Postmart is told of its orders; empty: nowhere"
    )
    voso_url: str = Field("", description="where Voso is told of its orders; empty: nowhere")

    def account(self, name: str) -> ChannelAccount:
        """Our account at this channel; `<name>_url` must be a field."""
        given: dict[str, Any] = {
            field.name: getattr(self, f"{name}_{field.name}")
            for field in fields(ChannelAccount)
            if f"{name}_{field.name}" in type(self).model_fields
        }
        return ChannelAccount(
            base_url=getattr(self, f"{name}_url"),
            timeout_s=self.timeout_s,
            connections=self.concurrency,
            **given,
        )

    @property
    def called_back(self) -> frozenset[str]:
        """Channels of our own format that have an address to be told at."""
        return frozenset(name for name in ("postmart", "voso") if getattr(self, f"{name}_url"))

    def accounts(self, gateway: str) -> Mapping[str, ChannelAccount]:
        """Every channel's, by name. Where no push address is on record, it is the gateway's own."""
        names = [
            name.removesuffix("_url")
            for name in type(self).model_fields
            if name.endswith("_url") and not name.endswith("_push_url")
        ]
        accounts = {name: self.account(name) for name in names}
        return {
            name: replace(
                account, push_url=account.push_url or f"{gateway}/v1/channels/{name}/push"
            )
            for name, account in accounts.items()
        }
