"""What the environment may say. Read once, in `main`; everything below is handed values."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AliasChoices,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.errors import OperatorError
from services.kafka.durability import Durability

REPOSITORY: Final = Path(__file__).resolve().parents[1]

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Environment variables, `OCOP_` in front, except the two every Kafka and Postgres tool knows.

    Where no server is named, the embedded ones under `data_dir` are meant.
    """

    model_config = SettingsConfigDict(
        env_prefix="OCOP_", frozen=True, extra="ignore", populate_by_name=True
    )

    kafka_bootstrap_servers: str | None = Field(
        None,
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "OCOP_KAFKA_BOOTSTRAP_SERVERS"),
        description="host:port,… of an existing cluster",
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "OCOP_DATABASE_URL"),
        description="postgresql://… of an existing PostgreSQL 17 or newer",
    )

    data_dir: Path = REPOSITORY / ".ocop"
    migrations_dir: Path = REPOSITORY / "deploy" / "migrations"
    log_level: str = "info"

    master_key: SecretStr | None = Field(
        None, description="32 bytes, base64: encrypts the buyers' keys; embedded: made on first use"
    )

    kafka_port: Port = Field(
        19092, description="of the embedded broker; the controller has the next"
    )
    kafka_heap_mib: PositiveInt = 512
    kafka_replication: PositiveInt | None = Field(
        None, description="default: 3, or the number of brokers where there are fewer"
    )
    kafka_min_isr: PositiveInt | None = Field(
        None, description="default: replication - 1, at least 1"
    )
    kafka_flush: bool | None = Field(
        None, description="ingest records on disk before the answer; default: if the broker is ours"
    )

    quotes: bool = Field(True, description="ask carriers for prices; else the rule book's alone")
    postgres_max_connections: PositiveInt = 300
    min_free_mib: NonNegativeInt = Field(1024, description="free disk `ocop up` insists on")
    pool_size: PositiveInt = Field(10, description="database connections of one process")

    cod_overdue_days: PositiveInt = Field(
        10, description="after a delivery, cash not paid on for so long is overdue (ours)"
    )
    cod_overdue_days_of: dict[str, PositiveInt] = Field(
        default={}, description='the same by carrier: {"ghn": 5}'
    )

    gateway_host: str = "127.0.0.1"
    gateway_port: Port = 8480
    gateway_url: str | None = Field(None, description="where others reach the gateway")
    metrics_host: str = "127.0.0.1"
    metrics_port: Port | None = Field(
        None,
        description="/metrics, /healthz and /readyz of a worker; for `ocop up` the first of four",
    )
    close_after_h: NonNegativeInt = Field(
        168, description="hours without news after which a finished order is closed"
    )
    gs1_company_prefix: str | None = Field(
        None,
        pattern=r"^\d{7,12}$",
        description="ours at GS1: labels then carry an SSCC; without it none",
    )
    sandbox_host: str = Field("127.0.0.1", description="where the carriers' doubles listen")
    channel_shopee_url: str = "http://127.0.0.1:8471"
    channel_lazada_url: str = "http://127.0.0.1:8472"
    carrier_viettelpost_url: str = "http://127.0.0.1:8491"
    carrier_vnpost_url: str = "http://127.0.0.1:8492"
    carrier_vnpost_legacy_url: str = "http://127.0.0.1:8493"
    carrier_ems_url: str = "http://127.0.0.1:8494"
    carrier_ghn_url: str = "http://127.0.0.1:8495"
    carrier_ghtk_url: str = "http://127.0.0.1:8496"

    channel_tiki_url: str = "http://127.0.0.1:8473"
    channel_sendo_url: str = "http://127.0.0.1:8474"

    @property
    def carrier_urls(self) -> dict[str, str]:
        """Where each carrier interface is reached, by its name in the directory."""
        return {
            name.removeprefix("carrier_").removesuffix("_url"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("carrier_") and name.endswith("_url")
        }

    @property
    def channel_urls(self) -> dict[str, str]:
        """Where each channel with an API is reached, by its name in the directory."""
        return {
            name.removeprefix("channel_").removesuffix("_url"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("channel_") and name.endswith("_url")
        }

    @property
    def embedded_kafka(self) -> bool:
        """No cluster is named, so we run our own."""
        return self.kafka_bootstrap_servers is None

    @property
    def embedded_postgres(self) -> bool:
        """No database is named, so we run our own."""
        return self.database_url is None

    @property
    def durability(self) -> Durability:
        """How our topics are kept; a broker that is alone must flush."""
        flush = self.embedded_kafka if self.kafka_flush is None else self.kafka_flush
        return Durability(self.kafka_replication, self.kafka_min_isr, flush=flush)

    @property
    def gateway(self) -> str:
        """Where sellers, stations and carriers reach the gateway."""
        return self.gateway_url or f"http://{self.gateway_host}:{self.gateway_port}"

    @property
    def kafka(self) -> str:
        """Bootstrap servers, the embedded broker's if none were named."""
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.kafka_port}"

    @property
    def database(self) -> str:
        """The database's URL with its password: for asyncpg, never for a log."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        from services.embedded.postgres import database_url  # noqa: PLC0415 (embedded only)

        return database_url(self.data_dir / "postgres")


def read_settings() -> Settings:
    """The settings of this process. Raises OperatorError that names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "OCOP_" + "_".join(map(str, first["loc"])).upper().removeprefix("OCOP_")
        raise OperatorError(f"{name} is not valid: {first['msg']}.") from None


def variables() -> frozenset[str]:
    """The name of every environment variable that is read."""
    names: set[str] = set()
    for name, field in Settings.model_fields.items():
        aliases = field.validation_alias
        if isinstance(aliases, AliasChoices):
            names |= {alias for alias in aliases.choices if isinstance(alias, str)}
        else:
            names.add(f"OCOP_{name.upper()}")
    return frozenset(names)
