"""What we need to speak to a carrier, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


@dataclass(frozen=True, slots=True)
class Account:
    """One account at one carrier, in the words of `CarrierSettings`.

    `customer_code` is the carrier's name for us: a customer, a shop, a partner. `contract_code` and
    `correction_affair` are Vietnam Post's, `addresses` is Viettel Post's, what follows it GHN's.

    `addresses`: `text`, or `ids` for the carrier's own numbers of places. `correction_affair`: the
    AffairType of an edit; what each means is not published, so without one nothing is edited.
    `required_note`: what the buyer may do before paying. `insurance_limit_vnd`: up to which value
    goods are insured. `places_file`: GHN's numbers of our communes.
    `token`: EMS's merchant token. `cancel_path`: EMS's cancel call, with `{tracking_code}` in it;
    the path is not published, so without one nobody is asked. `district`: what is sent for the
    district since 2025, where the carrier does not say. `country_field` and `number_field`: EMS's
    names for the country of a parcel abroad and for a number we gave it; they are not published for
    this call, so the first is the name that its tracking call has, the second that of its answer,
    and an empty one sends nothing. `may_repeat`: whether the carrier confirmed
    that it never books one reference twice; at GHTK a second order is refused as existing.
    """

    base_url: str
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 15.0
    connections: int = 64
    customer_code: str = ""
    contract_code: str = ""
    correction_affair: str = ""
    addresses: str = "text"
    required_note: str = "CHOXEMHANGKHONGTHU"
    insurance_limit_vnd: int = 5_000_000
    places_file: str = ""
    token: str = field(default="", repr=False)
    cancel_path: str = ""
    district: str = ""
    country_field: str = ""
    number_field: str = ""
    may_repeat: bool = True


class CarrierSettings(BaseSettings):
    """Accounts and limits of the job runner, from `OCOP_CARRIER_…`. The defaults are the sandbox's."""

    model_config = SettingsConfigDict(env_prefix="OCOP_CARRIER_", frozen=True, extra="ignore")

    viettelpost_url: str = "http://127.0.0.1:8491"
    viettelpost_username: str = "sandbox"
    viettelpost_password: SecretStr = SecretStr("sandbox")
    viettelpost_addresses: Literal["text", "ids"] = "text"
    vnpost_url: str = "http://127.0.0.1:8492"
    vnpost_username: str = "sandbox"
    vnpost_password: SecretStr = SecretStr("sandbox")
    vnpost_customer_code: str = "T000000001"
    vnpost_contract_code: str = "HD-MAU-01"
    vnpost_correction_affair: Literal["", "01", "02", "04", "08"] = ""

    ghn_url: str = "http://127.0.0.1:8495"
    ghn_password: SecretStr = Field(SecretStr("sandbox"), description="the token")
    ghn_customer_code: str = Field("100001", pattern=r"^\d+$", description="the shop's id")
    ghn_required_note: Literal["CHOTHUHANG", "CHOXEMHANGKHONGTHU", "KHONGCHOXEMHANG"] = Field(
        "CHOXEMHANGKHONGTHU", description="try on, look, or neither before paying"
    )
    ghn_insurance_limit_vnd: NonNegativeInt = Field(
        5_000_000, description="documents differ: 5 or 10 million; 0 insures nothing"
    )
    ghn_places_file: str = Field("", description="CSV ward_code,ghn_district_id,ghn_ward_code")
    ghtk_url: str = "http://127.0.0.1:8496"
    ghtk_password: SecretStr = Field(SecretStr("sandbox"), description="the token")
    ghtk_customer_code: str = Field("SANDBOX", description="the partner code")
    ghtk_may_repeat: bool = Field(
        True, description="not confirmed; false leaves a lost answer to the webhook or a person"
    )
    vnpost_legacy_url: str = "http://127.0.0.1:8493"
    vnpost_legacy_username: str = "sandbox"
    vnpost_legacy_password: SecretStr = SecretStr("sandbox")
    vnpost_legacy_district: str = ""
    vnpost_legacy_may_repeat: bool = False
    ems_url: str = "http://127.0.0.1:8494"
    ems_token: SecretStr = SecretStr("sandbox")
    ems_addresses: Literal["codes", "names"] = "codes"
    ems_district: str = ""
    ems_cancel_path: str = ""
    ems_country_field: str = Field("to_country", description="not published; empty: not sent")
    ems_number_field: str = Field("tracking_code", description="not published; empty: not sent")
    ems_may_repeat: bool = False

    timeout_s: PositiveFloat = Field(15.0, description="of one call; its answer is then lost")
    concurrency: PositiveInt = Field(64, description="calls at a time to one carrier")
    settle_after_s: PositiveFloat = Field(
        30.0, description="a lost call may still take effect this long"
    )
    quote_valid_h: PositiveFloat = Field(24.0, description="how long a quoted price is good")
    quote_rest_s: PositiveFloat = Field(900.0, description="before a lane without price is asked")
    quote_pace_s: PositiveFloat = Field(0.5, description="rest after each question for a price")
    quote_typical_vnd: PositiveInt = Field(
        300_000, description="worth of the goods, and COD, that prices are asked for"
    )
    breaker_failures: PositiveInt = Field(5, description="failures in a row that open a breaker")
    breaker_rest_s: PositiveFloat = Field(5.0, description="first rest of an open breaker")

    def account(self, name: str) -> Account:
        """Our account at the interface of this name (`services/carriers/directory.py`).

        Fields `<name>_<field of Account>` are read where they are declared; `<name>_url` must be.
        """
        given: dict[str, Any] = {
            field.name: revealed(getattr(self, f"{name}_{field.name}"))
            for field in fields(Account)
            if f"{name}_{field.name}" in type(self).model_fields
        }
        return Account(
            base_url=getattr(self, f"{name}_url"),
            timeout_s=self.timeout_s,
            connections=self.concurrency,
            **given,
        )


def revealed(value: object) -> object:
    """A secret's text, or the value itself."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
