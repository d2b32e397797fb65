"""What the environment may say to a carrier's sandbox: `OCOP_SANDBOX_…`."""

from __future__ import annotations

from datetime import datetime

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.sandbox.options import (
    SAMPLE_SECRET,
    VIETNAM_TIME,
    Lives,
    Mischief,
    Options,
    Webhooks,
)


class SandboxSettings(BaseSettings):
    """Rates are shares between 0 and 1. `speed`: parcels' seconds in one real second.

    `start` without a zone is Vietnam's time. `mischief` and `lives` scale all rates of trouble on
    the wire and of parcels that fare badly; 0 is a perfect carrier. `webhook_retries`: how often a
    webhook is repeated; without it as often as the carrier does (GHTK: once).
    """

    model_config = SettingsConfigDict(env_prefix="OCOP_SANDBOX_", frozen=True, extra="ignore")

    start: datetime = datetime(2026, 10, 1)  # noqa: DTZ001 - Vietnam's, as the docstring says
    speed: PositiveFloat = 20_000.0
    seed: int = 1
    mischief: NonNegativeFloat = 1.0
    lives: NonNegativeFloat = 1.0
    slow_s: NonNegativeFloat = 1.0
    carrier_cancels: NonNegativeFloat = 0.0
    unique_references: bool = False
    webhook_url: str | None = None
    webhook_secret: SecretStr = SecretStr(SAMPLE_SECRET)
    webhook_connections: PositiveInt = 32
    webhook_retry_s: PositiveFloat = 1.0
    webhook_retries: NonNegativeInt | None = None

    def options(self, webhook_url: str) -> Options:
        """All of it as options; `webhook_url` is used where the environment names none."""
        secret = self.webhook_secret.get_secret_value()
        return Options(
            start=self.start if self.start.tzinfo else self.start.replace(tzinfo=VIETNAM_TIME),
            speed=self.speed,
            seed=self.seed,
            lives=_scaled_lives(self.lives, self.carrier_cancels),
            mischief=_scaled_mischief(self.mischief, self.slow_s),
            webhooks=Webhooks(
                url=self.webhook_url or webhook_url,
                secret=secret,
                token=secret,
                connections=self.webhook_connections,
                retry_s=self.webhook_retry_s,
                retries=self.webhook_retries,
            ),
            unique_references=self.unique_references,
        )


def _scaled_lives(factor: float, carrier_cancels: float) -> Lives:
    usual = Lives()
    rates = {name: min(1.0, getattr(usual, name) * factor) for name in Lives.__slots__}
    return Lives(**rates | {"carrier_cancels": min(1.0, carrier_cancels)})


def _scaled_mischief(factor: float, slow_s: float) -> Mischief:
    usual = Mischief()
    rates = {name: min(1.0, getattr(usual, name) * factor) for name in Mischief.__slots__}
    return Mischief(**rates | {"slow_s": slow_s})
