"""Every topic there is. README, topic creation, JSON Schemas and tests are made from this table."""

from schemas.booking import (
    BookingDecisionAnswered,
    BookingRefused,
    BookingResulted,
    BookingVoided,
    BookingVoidRefused,
    ShipmentBooked,
)
from schemas.cod import CodChanged, CodDecided, SettlementReceived
from schemas.feed import FeedAppended
from schemas.handover import HandoverReported
from schemas.intake import (
    CommandRefused,
    DeliveryDecided,
    OrderAmended,
    OrderCancelRequested,
    OrderHeld,
    OrderPackagesNamed,
    OrderPlaced,
    OrderReceivedBack,
    OrderReleased,
)
from schemas.metrics import MonthlyThroughput
from schemas.packing import PackingRefused, PackingStarted, ParcelPacked
from schemas.routing import OrderRouted
from schemas.status import (
    BookingVoidRequested,
    OrderCancelled,
    OrderQuiet,
    OrderRecallRequested,
    OrderStatusChanged,
)
from schemas.topics import WEEK_H, Topic
from schemas.tracking import ShipmentStatusChanged, TrackingUnmapped

ORDER_RECEIVED = Topic(
    "order.received.v1",
    "channel:number",
    None,
    "Raw channel payloads and commands about orders, as they came",
    retention_h=WEEK_H,
    personal_data=True,
    ingest=True,
)
PACKING_REPORTED = Topic(
    "packing.reported.v1",
    "order_id",
    None,
    "Packing stations' reports, as they came",
    ingest=True,
)
TRACKING_RECEIVED = Topic(
    "tracking.received.v1",
    "carrier:tracking_no",
    None,
    "Raw carrier webhooks, as they came",
    retention_h=WEEK_H,
    personal_data=True,
    ingest=True,
)
ORDER_PLACED = Topic(OrderPlaced.topic_name, "order_id", OrderPlaced, "An order may be routed")
ORDER_AMENDED = Topic(OrderAmended.topic_name, "order_id", OrderAmended, "A placed order changed")
ORDER_PACKAGES_NAMED = Topic(
    OrderPackagesNamed.topic_name,
    "order_id",
    OrderPackagesNamed,
    "A marketplace's own package numbers",
)
ORDER_HELD = Topic(OrderHeld.topic_name, "order_id", OrderHeld, "A stage's holds on an order")
ORDER_RELEASED = Topic(
    OrderReleased.topic_name, "order_id", OrderReleased, "A stage let go of an order"
)
ORDER_CANCEL_REQUESTED = Topic(
    OrderCancelRequested.topic_name, "order_id", OrderCancelRequested, "Somebody wants it ended"
)
ORDER_RECEIVED_BACK = Topic(
    OrderReceivedBack.topic_name, "order_id", OrderReceivedBack, "Goods are back with the seller"
)
DELIVERY_DECIDED = Topic(
    DeliveryDecided.topic_name,
    "order_id",
    DeliveryDecided,
    "Deliver a failing parcel again, or bring it back",
)
COMMAND_REFUSED = Topic(
    CommandRefused.topic_name, "order_id", CommandRefused, "A command that cannot be carried out"
)
ORDER_ROUTED = Topic(
    OrderRouted.topic_name, "order_id", OrderRouted, "Shipments and their carriers"
)
PACKING_STARTED = Topic(
    PackingStarted.topic_name, "order_id", PackingStarted, "A station took a shipment"
)
PARCEL_PACKED = Topic(ParcelPacked.topic_name, "order_id", ParcelPacked, "A closed parcel")
PACKING_REFUSED = Topic(
    PackingRefused.topic_name, "order_id", PackingRefused, "A packing report not accepted"
)
BOOKING_RESULTED = Topic(
    BookingResulted.topic_name,
    "order_id",
    BookingResulted,
    "Carriers' answers to booking jobs",
    ingest=True,
)
SHIPMENT_BOOKED = Topic(
    ShipmentBooked.topic_name, "order_id", ShipmentBooked, "A carrier accepted a parcel"
)
BOOKING_REFUSED = Topic(
    BookingRefused.topic_name, "order_id", BookingRefused, "A carrier refused a parcel"
)
BOOKING_VOIDED = Topic(
    BookingVoided.topic_name, "order_id", BookingVoided, "A parcel has no live booking"
)
BOOKING_VOID_REFUSED = Topic(
    BookingVoidRefused.topic_name, "order_id", BookingVoidRefused, "Too late to void a booking"
)
HANDOVER_REPORTED = Topic(
    HandoverReported.topic_name,
    "order_id",
    HandoverReported,
    "What manifests say of an order's parcels",
    ingest=True,
)
BOOKING_DECISION_ANSWERED = Topic(
    BookingDecisionAnswered.topic_name,
    "order_id",
    BookingDecisionAnswered,
    "What came of a decision on a failing parcel",
)
SHIPMENT_STATUS_CHANGED = Topic(
    ShipmentStatusChanged.topic_name,
    "order_id",
    ShipmentStatusChanged,
    "A booking's folded tracking state",
)
TRACKING_UNMAPPED = Topic(
    TrackingUnmapped.topic_name,
    "carrier:tracking_no",
    TrackingUnmapped,
    "Carrier codes without a certain meaning",
)
SETTLEMENT_RECEIVED = Topic(
    SettlementReceived.topic_name,
    "carrier:tracking_no",
    SettlementReceived,
    "Lines of carriers' statements",
    ingest=True,
)
COD_DECIDED = Topic(
    CodDecided.topic_name, "order_id", CodDecided, "Claims, amounts and payouts", ingest=True
)
COD_CHANGED = Topic(CodChanged.topic_name, "order_id", CodChanged, "Where a booking's cash is")
ORDER_STATUS_CHANGED = Topic(
    OrderStatusChanged.topic_name, "seller_id", OrderStatusChanged, "What a seller sees of an order"
)
ORDER_QUIET = Topic(
    OrderQuiet.topic_name,
    "order_id",
    OrderQuiet,
    "Nothing has happened to a finished order for long",
    ingest=True,
)
ORDER_CANCELLED = Topic(
    OrderCancelled.topic_name, "order_id", OrderCancelled, "An order ended before delivery"
)
BOOKING_VOID_REQUESTED = Topic(
    BookingVoidRequested.topic_name, "order_id", BookingVoidRequested, "Void an order's bookings"
)
ORDER_RECALL_REQUESTED = Topic(
    OrderRecallRequested.topic_name, "order_id", OrderRecallRequested, "Bring the goods back"
)
FEED_APPENDED = Topic(
    FeedAppended.topic_name, "seller_id", FeedAppended, "A seller's feed, numbered"
)
MONTHLY_THROUGHPUT = Topic(
    MonthlyThroughput.topic_name,
    "month",
    MonthlyThroughput,
    "The month's figures, each with its revision",
    retention_h=52 * WEEK_H,
)


def partner_topic(partner_id: str) -> Topic:
    """The topic one partner alone may write to: its generic tracking events, one a record."""
    return Topic(
        f"partner.{partner_id}.tracking.v1",
        "any",
        None,
        "A partner's own tracking events, as it wrote them",
        retention_h=WEEK_H,
        personal_data=True,
        ingest=True,
    )


TOPICS: tuple[Topic, ...] = tuple(
    value for name, value in globals().items() if name.isupper() and isinstance(value, Topic)
)
TOPICS_BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
