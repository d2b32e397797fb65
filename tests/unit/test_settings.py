"""The environment is read once, and what is wrong in it is named."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING

import pytest

from services.errors import OperatorError
from services.settings import Settings, read_settings
from services.store.master_key import master_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "OCOP_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_without_servers_the_embedded_ones_are_meant(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, kafka_port=19999)
    assert settings.kafka == "127.0.0.1:19999"
    assert settings.durability.flush
    assert f"host={tmp_path}/postgres/socket" in settings.database


def test_the_two_usual_variables_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://o:secret@db/ocop")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092")
    settings = read_settings()
    assert settings.database == "postgresql://o:secret@db/ocop"
    assert settings.kafka == "a:9092,b:9092"
    assert not settings.durability.flush
    assert "secret" not in repr(settings)


def test_a_wrong_value_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCOP_GATEWAY_PORT", "seventy")
    with pytest.raises(OperatorError, match=r"^OCOP_GATEWAY_PORT is not valid: .*integer.*\.$"):
        read_settings()


def test_an_embedded_system_keeps_the_key_it_made(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    key = master_key(settings)
    assert len(key) == 32
    assert master_key(settings) == key
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600


def test_a_key_is_never_made_up_beside_somebody_elses_database(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"data_dir": tmp_path, "database_url": "postgresql://db/ocop"}
    )
    with pytest.raises(OperatorError, match="OCOP_MASTER_KEY is needed"):
        master_key(settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "not base64!", "é" * 44])
def test_what_is_no_key_is_refused(text: str) -> None:
    settings = Settings.model_validate({"master_key": text})
    with pytest.raises(OperatorError, match="32 bytes in base64"):
        master_key(settings)


def test_a_given_key_is_used() -> None:
    settings = Settings.model_validate({"master_key": base64.b64encode(b"k" * 32).decode()})
    assert master_key(settings) == b"k" * 32
