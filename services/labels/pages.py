"""Faces on paper: one on an A6 page, or four on an A4 sheet. The same labels give the same bytes."""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.labels.faces import HEIGHT, WIDTH, faces_of
from services.labels.pen import Pen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.labels.content import Label


class Paper(StrEnum):
    """What is in the printer."""

    A6 = "a6"
    A4 = "a4"


A4_WIDTH: Final = 210.0
A4_HEIGHT: Final = 297.0
PAPERS: Final = {
    Paper.A6: (WIDTH, HEIGHT, ((0.0, 0.0),)),
    Paper.A4: (
        A4_WIDTH,
        A4_HEIGHT,
        tuple((x, y) for y in (0.0, A4_HEIGHT / 2) for x in (0.0, A4_WIDTH / 2)),
    ),
}
"""Width and height of each paper, and where the faces on it begin."""


def print_labels(labels: Sequence[Label], paper: Paper) -> bytes:
    """A PDF of all labels, in order. Raises ValueError without any."""
    faces = [face for label in labels for face in faces_of(label)]
    if not faces:
        raise ValueError("no labels to print")
    file = BytesIO()
    width, height, slots = PAPERS[paper]
    canvas = new_canvas(file, "Nhãn gửi hàng", width, height)
    for first in range(0, len(faces), len(slots)):
        for (x, y), face in zip(slots, faces[first : first + len(slots)], strict=False):
            face(Pen(canvas, height, x, y))
        if paper is Paper.A4:
            _cutting_lines(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def new_canvas(file: BytesIO, title: str, width: float, height: float) -> Canvas:
    """An empty document with pages of that size in mm; its title names nobody."""
    canvas = Canvas(file, pagesize=(width * mm, height * mm), invariant=True, pageCompression=1)
    canvas.setTitle(title)
    canvas.setCreator("OCOP")
    return canvas


def _cutting_lines(canvas: Canvas) -> None:
    canvas.setDash(1, 3)
    canvas.setLineWidth(0.3)
    canvas.line(A4_WIDTH / 2 * mm, 0, A4_WIDTH / 2 * mm, A4_HEIGHT * mm)
    canvas.line(0, A4_HEIGHT / 2 * mm, A4_WIDTH * mm, A4_HEIGHT / 2 * mm)
