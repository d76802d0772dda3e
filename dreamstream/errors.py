"""Every error that dreamstream raises on purpose.

    DreamstreamError
    ├── SourceError           a source can't be opened, read or decoded
    │   └── SourceLost        a live one gave pictures and gives no more
    ├── SinkError             an output can't be created or written
    │   ├── TargetError       what is asked for can't be an output: it exists, is a folder, ...
    │   └── SinkClosed        whoever watches has closed the output: no error, the end
    ├── ModelError            a model, a layer or its weights are not usable
    │   ├── UnknownNameError  there is no model or layer of that name
    │   └── DeviceError       the device to run it on is not there, or was asked for too late
    ├── ResumeError           an interrupted run can't be resumed
    ├── UsageError            what is asked for can't be: options that contradict one another
    ├── RenderCancelled       whoever asked for a rendering has cancelled it
    └── MissingLibraryError   a system library that a package needs is absent

Misuse of the Python interface is a ``ValueError``.  A message is one line: the operation, the path
or value, and the remedy.
"""


class DreamstreamError(Exception):
    """Base of every error that dreamstream raises on purpose."""


class SourceError(DreamstreamError):
    """A source can't be opened, read or decoded."""


class SourceLost(SourceError):  # noqa: N818 - named for what has become of it
    """A live source gave pictures, and gives no more; what was recorded of it is kept."""


class SinkError(DreamstreamError):
    """An output can't be created or written."""


class TargetError(SinkError):
    """What is asked for can't be an output: it exists, is a folder, or options don't fit it."""


class SinkClosed(SinkError):  # noqa: N818 - it is no error
    """Whoever watches has closed the output; the stream ends here."""


class ModelError(DreamstreamError):
    """A model, a layer or its weights are not usable."""


class UnknownNameError(ModelError):
    """There is no model or layer of that name."""


class DeviceError(ModelError):
    """The device to run a model on is not there, or was asked for too late."""


class ResumeError(DreamstreamError):
    """An interrupted run can't be resumed: its input, its settings or its journal have changed."""


class MissingLibraryError(DreamstreamError):
    """A system library that an installed package needs is absent."""


class UsageError(DreamstreamError):
    """What is asked for can't be.

    Attributes:
        field: The setting that it is about; None where there is no single one.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class RenderCancelled(DreamstreamError):  # noqa: N818 - it is no error
    """Whoever asked for a rendering has cancelled it; what was dreamed is kept."""


class FieldError(ValueError):
    """A setting's value is wrong.

    Attributes:
        field: The setting's name.
        problem: What is wrong with it.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem
