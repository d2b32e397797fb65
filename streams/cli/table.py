"""Every command there is."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """`ocop <name>` is `app` in `streams.cli.<name>`; `summary` is its line in `ocop --help`."""

    name: str
    summary: str

    @property
    def module(self) -> str:
        """Where the command is."""
        return f"streams.cli.{self.name}"


COMMANDS: Final = (
    Row("up", "Start everything on this machine and leave it running."),
    Row("down", "Stop everything that `up` started."),
    Row("demo", "Send the sample month through the whole system and check the outcome."),
    Row("migrate", "Bring the database to the newest shape."),
    Row("topics", "Create the topics of the catalogue, or list them."),
    Row("keys", "Issue, rotate and withdraw the keys of sellers and partners."),
    Row("registry", "Load sellers, products and certificates."),
    Row("worker", "Run stages of the flow."),
    Row("gateway", "Serve the HTTP API."),
    Row("jobs", "Run outside calls: bookings, cancellations, webhooks."),
    Row("sandbox", "Serve a carrier's or a channel's double."),
    Row("simulate", "Send orders and packing reports like sellers and stations do."),
    Row("import", "Take in a file of orders from Postmart or Voso."),
    Row("lag", "How far each stage is behind, in records and in seconds."),
    Row("dead", "List, show and replay dead letters."),
    Row("label", "Print labels of an order or a parcel."),
    Row("trace", "One order's whole journey."),
    Row("tasks", "List and close what waits for a person."),
    Row("hold", "Let an order wait until ops release it."),
    Row("release", "Let go of an order."),
    Row("oddities", "What is odd about carriers' events, counted."),
    Row("correct", "Say what truly became of a parcel."),
    Row("erase", "Forget a buyer for ever."),
    Row("remap", "Read a carrier's history with another version of its status map."),
    Row("settle", "Import a carrier's statement of cash collected."),
    Row("cod", "Cash on delivery: where it is, what is wrong, what was decided."),
    Row("report", "The monthly throughput."),
    Row("conform", "Examine a partner's format, or its API."),
    Row("verify", "Check every promise the system makes."),
    Row("bench", "Measure throughput, latency and memory on this machine."),
)
