"""What Prometheus sees. Names and labels are an agreement with the dashboard and the alerts.

No label holds an id of an order, a seller or a buyer.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

BATCHES: Final = Counter("ocop_batches_total", "Batches settled.", ("stage", "topic"))
BATCH_SECONDS: Final = Histogram(
    "ocop_batch_seconds",
    "From a batch's first record in hand to its ack.",
    ("stage",),
    buckets=SECONDS,
)
RECORDS: Final = Counter(
    "ocop_records_total",
    "Records settled; outcome is applied, duplicate, parked or dead.",
    ("stage", "outcome"),
)
LAG_RECORDS: Final = Gauge(
    "ocop_lag_records", "Records not settled yet.", ("stage", "topic", "partition")
)
LAG_SECONDS: Final = Gauge(
    "ocop_lag_seconds", "Age of the oldest record not settled.", ("stage", "topic", "partition")
)
DEAD_LETTERS: Final = Counter("ocop_dead_letters_total", "Records buried.", ("stage", "code"))
REDELIVERED: Final = Counter(
    "ocop_redelivered_total", "Records given again after they were settled.", ("stage",)
)
PARKED_UNITS: Final = Gauge(
    "ocop_parked_units", "Partitions that stand still until a human looks.", ("stage",)
)
STALLED_UNITS: Final = Gauge(
    "ocop_stalled_units", "Partitions with records waiting and no progress.", ("stage",)
)
PARKED_EVENTS: Final = Gauge(
    "ocop_parked_events", "Events that wait for a booking not known yet.", ("stage",)
)
FLAGS_RAISED: Final = Counter(
    "ocop_tracking_flags_total",
    "Flags raised on bookings: late, delayed, stale, and what is odd about a log.",
    ("carrier", "flag"),
)
UNMAPPED: Final = Counter(
    "ocop_unmapped_total", "Events whose code has no certain meaning.", ("carrier", "api")
)
JOB_QUEUE: Final = Gauge("ocop_job_queue", "Outside calls not done yet.", ("job", "state"))
CARRIER_CALLS: Final = Counter(
    "ocop_carrier_calls_total",
    "Calls to carriers; outcome is ok, refused, unclear or failed.",
    ("interface", "call", "outcome"),
)
SUSPECT_NUMBERS: Final = Counter(
    "ocop_suspect_numbers_total",
    "Tracking numbers of S10 carriers that are no S10 numbers; taken all the same.",
    ("carrier",),
)
CHANNEL_CALLS: Final = Counter(
    "ocop_channel_calls_total",
    "Calls to channels; call is fetch, poll, drain, push, report or status (alarms).",
    ("channel", "call", "outcome"),
)
CHANNEL_LAG_SECONDS: Final = Gauge(
    "ocop_channel_lag_seconds",
    "Since the shop polled longest ago was looked through.",
    ("channel",),
)
CHANNEL_SHOPS: Final = Gauge(
    "ocop_channel_shops", "Shops that are polled; state is polled or failing.", ("channel", "state")
)
COD_EXCEPTIONS: Final = Gauge(
    "ocop_cod_exceptions",
    "Cash somebody should look at; exception is a name of `ocop cod exceptions`.",
    ("carrier", "exception"),
)
