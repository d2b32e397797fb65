"""What is deployed elsewhere is the same system as `ocop up`, and names what the settings read."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import prometheus_client
import pytest
import yaml

from services import telemetry
from services.embedded.distribution import POM
from services.gateway import access
from services.settings import REPOSITORY, Settings, variables
from streams.cli.table import COMMANDS
from streams.processes import WORKERS, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = REPOSITORY / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: row for name, row in SERVICES.items() if "build" in row}
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
STAGES = list(itertools.chain.from_iterable(WORKERS.values()))


def manifests(kind: str) -> dict[str, dict[str, Any]]:
    return {row["metadata"]["name"]: row for row in MANIFESTS if row["kind"] == kind}


def test_compose_runs_what_up_runs_with_the_same_words() -> None:
    up = {process.name: list(process.argv[3:]) for process in processes(Settings())}
    composed = {name: row["command"] for name, row in OURS.items() if name != "setup"}
    assert composed == up


def test_every_long_running_service_says_whether_it_is_healthy() -> None:
    mute = [name for name, row in SERVICES.items() if "healthcheck" not in row]
    assert mute == ["setup"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_read(name: str) -> None:
    assert set(OURS[name]["environment"]) <= variables()


def test_the_environment_makes_valid_settings_for_servers_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OURS["gateway"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{[^}]*\}", "x", value))
    settings = Settings()
    assert not settings.embedded_kafka
    assert not settings.embedded_postgres
    assert settings.durability.flush
    assert settings.durability.on(brokers=1) == (1, 1)
    assert urlsplit(settings.database).hostname in SERVICES
    channels = list(settings.channel_urls.values())
    for url in (settings.gateway, *settings.carrier_urls.values(), *channels):
        assert urlsplit(url).hostname in SERVICES


def test_health_checks_ask_the_port_the_process_listens_on() -> None:
    settings = OURS["gateway"]["environment"]
    expected = dict.fromkeys(
        (*WORKERS, "jobs"), f"127.0.0.1:{settings['OCOP_METRICS_PORT']}/readyz"
    )
    expected["gateway"] = f"127.0.0.1:{urlsplit(settings['OCOP_GATEWAY_URL']).port}/readyz"
    expected |= {
        f"sandbox-{name}": port_of(settings[f"OCOP_CARRIER_{name.upper()}_URL"])
        for name in Settings().carrier_urls
    }
    expected |= {
        f"sandbox-{name}": port_of(settings[f"OCOP_CHANNEL_{name.upper()}_URL"])
        for name in Settings().channel_urls
    }
    for name, address in expected.items():
        assert address in OURS[name]["healthcheck"]["test"][-1]


def port_of(url: str) -> str:
    return f"127.0.0.1:{urlsplit(url).port}/healthz"


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for row in SERVICES.values() for port in row.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_password_is_written_down() -> None:
    for row in SERVICES.values():
        for name, value in row.get("environment", {}).items():
            if re.search("PASSWORD|KEY|DATABASE_URL", name):
                assert re.search(r"\$\{\w+:\?", value), name
    wanted = set(re.findall(r"\$\{(\w+)", (REPOSITORY / "docker-compose.yml").read_text()))
    offered = set(re.findall(r"^(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    assert wanted == offered


def test_images_are_official_and_of_the_versions_we_run_ourselves() -> None:
    broker = re.search(r"<kafka.version>(.+)</kafka.version>", POM.read_text())
    database = re.search(r"embedded-postgres==(\d+)", (REPOSITORY / "pyproject.toml").read_text())
    assert broker
    assert database
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{broker[1]}"
    assert SERVICES["postgres"]["image"] == f"postgres:{database[1]}"
    assert SERVICES["prometheus"]["image"].startswith("prom/prometheus:v")
    assert SERVICES["grafana"]["image"].startswith("grafana/grafana:")
    assert {row["image"] for row in OURS.values()} == {"ocop:0.1.0"}
    assert not any(row["image"].endswith(":latest") for row in SERVICES.values())


def test_the_image_holds_what_the_build_copies() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [
        source
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    allowed = {
        line[1:]
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert set(copied) == allowed
    assert all((REPOSITORY / source).exists() for source in copied)


def test_kubernetes_has_workers_for_every_stage() -> None:
    arguments = {
        name: row["spec"]["template"]["spec"]["containers"][0]["args"]
        for name, row in manifests("Deployment").items()
    }
    workers = {f"worker-{stage}": ["worker", stage] for stage in STAGES}
    assert arguments == workers | {"gateway": ["gateway"], "jobs": ["jobs"]}


def test_kubernetes_settings_are_read_and_keep_the_promises_of_production() -> None:
    data = manifests("ConfigMap")["ocop"]["data"]
    assert set(data) <= variables()
    assert (data["OCOP_KAFKA_REPLICATION"], data["OCOP_KAFKA_MIN_ISR"]) == ("3", "2")
    assert not {"DATABASE_URL", "OCOP_MASTER_KEY"} & set(data)


def test_kubernetes_probes_ask_the_port_that_is_open() -> None:
    metrics_port = int(manifests("ConfigMap")["ocop"]["data"]["OCOP_METRICS_PORT"])
    for name, row in manifests("Deployment").items():
        (container,) = row["spec"]["template"]["spec"]["containers"]
        port = Settings.model_fields["gateway_port"].default if name == "gateway" else metrics_port
        assert container["ports"] == [{"name": "http", "containerPort": port}]
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_kustomize_lists_every_manifest() -> None:
    (listed,) = (row["resources"] for row in MANIFESTS if row["kind"] == "Kustomization")
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert set(listed) == there - {"kustomization.yaml"}


def test_every_command_that_is_deployed_exists() -> None:
    used = {row["command"][0] for row in OURS.values() if "command" in row}
    assert used <= {row.name for row in COMMANDS}


def test_prometheus_asks_every_process_that_counts() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    asked = {
        target.partition(":")[0]
        for job in config["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    assert asked == {"gateway", "jobs", *WORKERS}


def test_dashboard_and_alerts_ask_for_metrics_that_exist() -> None:
    asked = set(re.findall(r"ocop_\w+", " ".join(expressions())))
    exported = {
        sample
        for family in prometheus_client.REGISTRY.collect()
        for sample in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    }
    assert asked
    assert asked <= exported


def test_the_dashboard_shows_everything_the_flow_counts() -> None:
    dashboard = (DEPLOY / "grafana" / "dashboards" / "ocop.json").read_text()
    counted = {
        metric._name
        for module in (telemetry, access)
        for metric in vars(module).values()
        if isinstance(metric, prometheus_client.metrics.MetricWrapperBase)
    }
    assert counted
    assert not [name for name in counted if name not in dashboard]


def expressions() -> Iterator[str]:
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    for group in alerts["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = orjson.loads((DEPLOY / "grafana" / "dashboards" / "ocop.json").read_bytes())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
