"""Days and hours: when goods can leave, and when they arrive, by everybody's calendar.

All moments are aware; days are those of Vietnam.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from schemas.place import VIETNAM

if TYPE_CHECKING:
    from services.reference.calendar import Calendar, Weekdays
    from services.reference.rule_book import Desk, Service

ONE_DAY: Final = timedelta(days=1)


def at(day: date, hour: time) -> datetime:
    """That hour of that day in Vietnam."""
    return datetime.combine(day, hour, VIETNAM)


def end_of(day: date) -> datetime:
    """The first moment after the day."""
    return at(day + ONE_DAY, time())


def ready_at(
    moment: datetime, cut_off: time, weekdays: Weekdays, desk: Desk, calendar: Calendar
) -> datetime:
    """When an order of that moment is a closed parcel.

    After the seller's cut-off, or on a day off, it waits for the next worked morning.
    """
    begins = moment.astimezone(VIETNAM)
    today = begins.date()
    if begins.timetz().replace(tzinfo=None) > cut_off:
        today += ONE_DAY
    worked = calendar.next_worked(today, weekdays)
    return max(begins, at(worked, desk.opens)) + timedelta(hours=desk.packing_h)


def hand_over_by(
    ready: datetime, service: Service, weekdays: Weekdays, calendar: Calendar
) -> datetime:
    """The service's first cut-off after the parcel is ready, on a day both sides work."""
    local = ready.astimezone(VIETNAM)
    earliest = local.date() if local.time() <= service.cut_off else local.date() + ONE_DAY
    day = calendar.next_worked(earliest, weekdays, service.weekdays)
    return at(day, service.cut_off)


def arrival(
    handed_over: datetime, hours: int, weekdays: Weekdays, calendar: Calendar
) -> tuple[datetime, date]:
    """When hours on the way are over, and the day that is promised; days off do not count.

    The promised day is always a worked one.
    """
    begins = handed_over.astimezone(VIETNAM)
    day = calendar.next_worked(begins.date(), weekdays)
    begins = max(begins, at(day, time()))
    left = timedelta(hours=hours)
    if left <= end_of(day) - begins:
        return begins + left, day
    left -= end_of(day) - begins
    day = calendar.next_worked(day + ONE_DAY, weekdays)
    while left > ONE_DAY:
        left -= ONE_DAY
        day = calendar.next_worked(day + ONE_DAY, weekdays)
    return at(day, time()) + left, day
