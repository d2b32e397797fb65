"""What we need to speak to a carrier, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


@dataclass(frozen=True, slots=True)
class Account:
    """One account at one carrier. The last two are Vietnam Post's."""

    base_url: str
    username: str
    password: str = field(repr=False)
    timeout_s: float = 15.0
    connections: int = 64
    customer_code: str = ""
    contract_code: str = ""


class CarrierSettings(BaseSettings):
    """Accounts and limits of the job runner, from `OCOP_CARRIER_…`. The defaults are the sandbox's."""

    model_config = SettingsConfigDict(env_prefix="OCOP_CARRIER_", frozen=True, extra="ignore")

    viettelpost_url: str = "http://127.0.0.1:8491"
    viettelpost_username: str = "sandbox"
    viettelpost_password: SecretStr = SecretStr("sandbox")
    vnpost_url: str = "http://127.0.0.1:8492"
    vnpost_username: str = "sandbox"
    vnpost_password: SecretStr = SecretStr("sandbox")
    vnpost_customer_code: str = "T000000001"
    vnpost_contract_code: str = "HD-MAU-01"

    timeout_s: PositiveFloat = Field(15.0, description="of one call; its answer is then lost")
    concurrency: PositiveInt = Field(64, description="calls at a time to one carrier")
    settle_after_s: PositiveFloat = Field(
        30.0, description="a lost call may still take effect this long"
    )
    breaker_failures: PositiveInt = Field(5, description="failures in a row that open a breaker")
    breaker_rest_s: PositiveFloat = Field(5.0, description="first rest of an open breaker")

    @property
    def viettelpost(self) -> Account:
        """Our account at Viettel Post."""
        return Account(
            self.viettelpost_url,
            self.viettelpost_username,
            self.viettelpost_password.get_secret_value(),
            self.timeout_s,
            self.concurrency,
        )

    @property
    def vnpost(self) -> Account:
        """Our account at Vietnam Post."""
        return Account(
            self.vnpost_url,
            self.vnpost_username,
            self.vnpost_password.get_secret_value(),
            self.timeout_s,
            self.concurrency,
            self.vnpost_customer_code,
            self.vnpost_contract_code,
        )
