"""What an interrupted run leaves, so that it can be resumed to the same result."""

from dreamstream.journal.encoded_log import EncodedLog, EncodedPicture
from dreamstream.journal.finding import (
    find_journal,
    forget_placed,
    has_remains,
    new_journal,
    was_interrupted,
)
from dreamstream.journal.fingerprint import Fingerprint, fingerprint_of
from dreamstream.journal.folder import DreamerState, Journal, Run

__all__ = [
    "DreamerState",
    "EncodedLog",
    "EncodedPicture",
    "Fingerprint",
    "Journal",
    "Run",
    "find_journal",
    "fingerprint_of",
    "forget_placed",
    "has_remains",
    "new_journal",
    "was_interrupted",
]
