"""The books: they balance, each booking's cash follows from its facts, no line counts twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.verify.tally import Question

if TYPE_CHECKING:
    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

QUESTIONS: Final = (
    # The postings of an entry add up to nought.
    Question(
        "SELECT count(*) FROM cod.entries",
        """SELECT 'entry ' || entry_no || ' of ' || reference || ' is out by ' || sum(vnd) || ' VND'
                  AS example
             FROM cod.entries GROUP BY reference, entry_no HAVING sum(vnd) <> 0""",
    ),
    # Entries are numbered 1…n: none was taken out.
    Question(
        "SELECT count(*) FROM cod.accounts WHERE entries > 0",
        """SELECT reference || ' has ' || count(DISTINCT e.entry_no) || ' entries, the highest '
                  || coalesce(max(e.entry_no), 0) || ', and should have ' || coalesce(a.entries, 0)
                  AS example
             FROM cod.accounts a FULL JOIN cod.entries e USING (reference)
            GROUP BY reference, a.entries
           HAVING count(DISTINCT e.entry_no) <> coalesce(a.entries, 0)
               OR coalesce(max(e.entry_no), 0) <> coalesce(a.entries, 0)""",
    ),
    # A statement line is received once, by the booking it was given to.
    Question(
        "SELECT count(*) FROM cod.lines",
        """SELECT 'line ' || name || ' is entered for ' || string_agg(reference, ' and ')
                  || ' and belongs to ' || coalesce(min(owner), 'nobody') AS example
             FROM (SELECT l.carrier || '|' || l.statement_no || '|' || l.line_no AS name, l.owner
                     FROM cod.lines l) AS lines
             JOIN (SELECT reference, substr(evidence, 6) AS name FROM cod.entries
                    WHERE kind IN ('received', 'compensated') AND evidence LIKE 'line %'
                    GROUP BY reference, kind, evidence, account HAVING sum(vnd) <> 0) AS entered
            USING (name)
            GROUP BY name HAVING count(DISTINCT reference) > 1 OR min(owner) IS DISTINCT FROM min(reference)""",
    ),
    # Every booking that was ever told has an account.
    Question(
        "SELECT count(*) FROM booking.bookings WHERE told = 'booked'",
        """SELECT b.reference || ' is booked and has no account' AS example
             FROM booking.bookings b LEFT JOIN cod.accounts a USING (reference)
            WHERE b.told = 'booked' AND a.state IS NULL""",
    ),
)


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the tables, then derive every account again."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    await tally.see_each(evidence.rules.cash(evidence.db))
    await tally.see_each(evidence.rules.line_owners(evidence.db))
