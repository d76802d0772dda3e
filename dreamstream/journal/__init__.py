"""What an interrupted run leaves, so that it can be resumed to the same result."""

from dreamstream.journal.encoded_log import EncodedPicture, Tape
from dreamstream.journal.finding import (
    find_journal,
    forget_journals,
    interrupted,
    new_journal,
    was_placed,
)
from dreamstream.journal.fingerprint import Terms, terms_of
from dreamstream.journal.folder import DreamerState, Journal

__all__ = [
    "DreamerState",
    "EncodedPicture",
    "Journal",
    "Tape",
    "Terms",
    "find_journal",
    "forget_journals",
    "interrupted",
    "new_journal",
    "terms_of",
    "was_placed",
]
