"""What is decoded before the first wanted picture, and whether it came out whole."""

from collections.abc import Iterator
from fractions import Fraction

from dreamstream.sources.deinterlace import Timed


class LeadIn:
    """Decodes up to the first wanted picture.

    Args:
        pictures: The stream; it is read up to the first wanted picture.
        start: Time of the first wanted picture, or a little before it.

    Attributes:
        first: Time of the first picture that came; None where none did.
        is_whole: Whether no picture was faulty.
        last: The last two pictures: deinterlacing the wanted one takes the one before it.
    """

    def __init__(self, pictures: Iterator[Timed], start: Fraction) -> None:
        self.first: Fraction | None = None
        self.is_whole = True
        self.last: list[Timed] = []
        for time, picture in pictures:
            self.first = time if self.first is None else self.first
            self.last = [*self.last[-1:], (time, picture)]
            self.is_whole = not picture.is_corrupt
            if time >= start or not self.is_whole:
                return
