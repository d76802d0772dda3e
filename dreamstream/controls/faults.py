"""What is wrong with a schedule, and where: one line, with its place marked in the text."""

from dreamstream.errors import FieldError

FIELD = "schedule"
"""The setting that messages name."""

_SHOWN = 40
"""Characters of the text that are shown on either side of the place."""

_LONGEST_MARK = 40


class ScheduleFault(ValueError):  # noqa: N818 - it is raised again as a FieldError
    """Something in a text is wrong.

    Attributes:
        problem: What, and the remedy.
        begin: Position in the text of its first character.
        end: Position after its last one.
    """

    def __init__(self, problem: str, begin: int, end: int) -> None:
        super().__init__(problem)
        self.problem, self.begin, self.end = problem, begin, end


def refusal(name: str, text: str, fault: ScheduleFault) -> FieldError:
    """Make the error for a schedule's fault: one line that shows its place.

    Args:
        name: What is scheduled.
        text: The whole schedule.
        fault: What is wrong in it.
    """
    return FieldError(FIELD, f"{name}: {fault.problem}: {marked(text, fault.begin, fault.end)}")


def marked(text: str, begin: int, end: int) -> str:
    """Return a text in one line, with the place from ``begin`` to ``end`` between >>> and <<<.

    What is far from the place is left out.
    """
    begin = min(max(begin, 0), len(text))
    end = min(max(end, begin), len(text))
    before, place, after = text[:begin], text[begin:end], text[end:]
    if len(before) > _SHOWN:
        before = "..." + before[-_SHOWN:]
    if len(after) > _SHOWN:
        after = after[:_SHOWN] + "..."
    if len(place) > _LONGEST_MARK:
        place = place[:_LONGEST_MARK] + "..."
    shown = f"{before}>>>{place}<<<{after}"
    return "".join(each if each.isprintable() else " " for each in shown)
