"""Monthly throughput: absolute figures with a revision."""

from typing import ClassVar

from pydantic import AwareDatetime, Field, NonNegativeInt
from typing_extensions import override

from schemas.event import Event, Value


class Dimensions(Value):
    """What a figure is counted by.

    `carrier` is empty for figures of orders; goods without a valid certificate have star 0.
    """

    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    channel: str
    carrier: str
    origin_province: str
    group: str
    star: int = Field(ge=0, le=5)


class MonthlyThroughput(Event):
    """All figures of one combination of dimensions, absolute, as of a revision.

    `version` is the revision. `watermark` is the occurrence time of the newest fact in it, `as_of`
    when it was summed. `figures` maps a name of `FIGURES` to its total; histograms map the upper
    bound in hours to a count.
    """

    topic_name: ClassVar[str] = "metrics.monthly_throughput.v1"

    dimensions: Dimensions
    figures: dict[str, NonNegativeInt]
    histograms: dict[str, dict[str, NonNegativeInt]]
    watermark: AwareDatetime
    as_of: AwareDatetime
    cause: str

    @property
    @override
    def key(self) -> str:
        return self.dimensions.month

    @property
    @override
    def entity(self) -> str:
        row = self.dimensions
        return "|".join(
            (row.month, row.channel, row.carrier, row.origin_province, row.group, str(row.star))
        )
