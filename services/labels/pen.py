"""Drawing in millimetres from the top left corner, with a type that has every Vietnamese letter."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Final

from reportlab.graphics.barcode.code128 import Code128
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.lib import units
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reportlab.pdfgen.canvas import Canvas

mm: Final[float] = units.mm
"""Points of a millimetre."""

REGULAR: Final = "BeVietnamPro-Regular"
BOLD: Final = "BeVietnamPro-Bold"
LEADING: Final = 1.22
"""Line height of a line of type; Vietnamese capitals carry two marks, one above the other."""
SMALLEST_PT: Final = 5.0
STEP_PT: Final = 0.5

MODULE_MM: Final = 0.5
"""The widest bar of one module we draw; wider is no easier to scan."""
QUIET_MODULES: Final = 10
"""White on either side of a Code 128, as its standard asks."""
QR_QUIET_MODULES: Final = 4
FNC1: Final = "\xf1"
"""How the library writes the sign that makes a Code 128 a GS1-128."""


@cache
def known_letters() -> frozenset[int]:
    """Load both weights, once a process; the code points that they can print."""
    letters = []
    for name in (REGULAR, BOLD):
        font = TTFont(name, str(files("fontpkg_be_vietnam_pro") / "files" / f"{name}.ttf"))
        pdfmetrics.registerFont(font)
        letters.append(frozenset(font.face.charToGlyph))
    return frozenset.intersection(*letters)


def printable(text: str) -> str:
    """One line in composed letters; what the type has no letter for becomes `?`."""
    known = known_letters()
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(letter if ord(letter) in known else "?" for letter in composed)


class Pen:
    """Draws on a canvas. `x`, `y`: where its corner is on the page, in mm from the page's own."""

    def __init__(self, canvas: Canvas, page_height_mm: float, x: float = 0, y: float = 0) -> None:
        known_letters()
        self._canvas = canvas
        self._x = x
        self._top = page_height_mm - y

    def text(  # noqa: PLR0917 - where, what, how
        self, x: float, y: float, width: float, words: str, size: float, font: str = REGULAR
    ) -> None:
        """One line whose top is at `y`, made smaller until it fits, then cut."""
        line, size = fitted(printable(words), font, size, width)
        self._line(x, y, line, size, font)

    def right(  # noqa: PLR0917
        self, x: float, y: float, width: float, words: str, size: float, font: str = REGULAR
    ) -> None:
        """The same, ending at `x + width`."""
        line, size = fitted(printable(words), font, size, width)
        taken = pdfmetrics.stringWidth(line, font, size) / mm
        self._line(x + width - taken, y, line, size, font)

    def block(  # noqa: PLR0917
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        words: str,
        size: float,
        font: str = REGULAR,
    ) -> float:
        """Lines that fit into the height, made smaller until all do; the height taken, in mm."""
        lines, size = wrapped(printable(words), font, size, width, height)
        for number, line in enumerate(lines):
            self._line(x, y + number * line_mm(size), line, size, font)
        return len(lines) * line_mm(size)

    def rule(self, y: float, x: float, width: float) -> None:
        """A thin line across."""
        self._canvas.setLineWidth(0.6)
        self._canvas.line(self._at(x), self._down(y), self._at(x + width), self._down(y))

    def box(self, x: float, y: float, width: float, height: float, *, filled: bool = False) -> None:
        """A frame; `filled`: black."""
        self._canvas.setLineWidth(0.8)
        self._canvas.rect(
            self._at(x), self._down(y + height), width * mm, height * mm, fill=int(filled)
        )

    def inverted(self, x: float, y: float, width: float, words: str, size: float) -> None:
        """White on black, as wide as its words; nothing drawn is wider than `width`."""
        line, size = fitted(printable(words), BOLD, size, width - 2)
        taken = pdfmetrics.stringWidth(line, BOLD, size) / mm
        self.box(x, y, taken + 2, line_mm(size) + 0.6, filled=True)
        self._canvas.setFillGray(1)
        self._line(x + 1, y + 0.3, line, size, BOLD)
        self._canvas.setFillGray(0)

    def code128(self, x: float, y: float, width: float, height: float, value: str) -> None:
        """A Code 128 in the middle of `width`, its quiet zones inside it."""
        modules = Code128(value, barWidth=1, quiet=0).width
        module = min(MODULE_MM, width / (modules + 2 * QUIET_MODULES))
        bars = Code128(value, barWidth=module * mm, barHeight=height * mm, quiet=0)
        bars.drawOn(
            self._canvas,
            self._at(x + (width - modules * module) / 2),
            self._down(y + height),
        )

    def gs1_128(self, x: float, y: float, width: float, height: float, value: str) -> None:
        """A GS1-128: application identifier and value, without brackets."""
        self.code128(x, y, width, height, FNC1 + value)

    def qr(self, x: float, y: float, side: float, value: str) -> None:
        """A QR of that side, its quiet zone inside; a quarter of it may be dirty (level Q).

        The library's own drawing makes an object of every module: four times as slow.
        """
        code = QrCodeWidget(value, barLevel="Q").qr
        code.make()
        count = code.getModuleCount()
        module = side / (count + 2 * QR_QUIET_MODULES)
        path = self._canvas.beginPath()
        for row in range(count):
            dark = [bool(code.isDark(row, column)) for column in range(count)]
            for first, run in runs(dark):
                left = x + (QR_QUIET_MODULES + first) * module
                bottom = y + (QR_QUIET_MODULES + row + 1) * module
                path.rect(self._at(left), self._down(bottom), run * module * mm, module * mm)
        self._canvas.drawPath(path, stroke=0, fill=1)

    def _line(self, x: float, y: float, line: str, size: float, font: str) -> None:
        self._canvas.setFont(font, size)
        self._canvas.drawString(self._at(x), self._down(y) - size * 0.98, line)

    def _at(self, x: float) -> float:
        return (self._x + x) * mm

    def _down(self, y: float) -> float:
        return (self._top - y) * mm


def runs(dark: Iterable[bool]) -> Iterator[tuple[int, int]]:
    """Where each run of dark modules of a row begins, and how long it is."""
    at = 0
    for is_dark, modules in groupby(dark):
        length = len(list(modules))
        if is_dark:
            yield at, length
        at += length


def line_mm(size: float) -> float:
    """How high a line of type is."""
    return size * LEADING / mm


def fitted(line: str, font: str, size: float, width: float) -> tuple[str, float]:
    """The line and the greatest size at which it fits into `width` mm; cut where none does."""
    while size > SMALLEST_PT and pdfmetrics.stringWidth(line, font, size) > width * mm:
        size -= STEP_PT
    return _cut(line, font, size, width), size


def wrapped(
    text: str, font: str, size: float, width: float, height: float
) -> tuple[list[str], float]:
    """Lines and the greatest size at which they fit; the last is cut where none does."""
    while True:
        lines = simpleSplit(text, font, size, width * mm)
        room = max(1, int(height / line_mm(size)))
        fits = len(lines) <= room and all(
            pdfmetrics.stringWidth(line, font, size) <= width * mm for line in lines
        )
        if fits or size <= SMALLEST_PT:
            break
        size -= STEP_PT
    if len(lines) > room:
        lines = [*lines[: room - 1], " ".join(lines[room - 1 :])]
    return [_cut(line, font, size, width) for line in lines], size


def _cut(line: str, font: str, size: float, width: float) -> str:
    if pdfmetrics.stringWidth(line, font, size) <= width * mm:
        return line
    while line and pdfmetrics.stringWidth(f"{line}…", font, size) > width * mm:
        line = line[:-1]
    return f"{line}…"
