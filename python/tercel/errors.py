"""What Tercel raises, by what the caller can do about it: a class for each code of base/result.h."""


class Error(Exception):
    """Any failure that Tercel reports. The message says what was wrong, where, and what to do."""


class InvalidError(Error, ValueError):
    """The input is wrong."""


class NotFoundError(Error, LookupError):
    """A name that does not exist."""


class UnsupportedError(Error, NotImplementedError):
    """Valid, but Tercel cannot do it."""


class LimitError(Error, ValueError):
    """Larger than a documented limit."""


class ExhaustedError(Error):
    """A queue or quota is full, or memory used up: try again later, or raise the limit that the message names."""


class UnavailableError(Error):
    """Not ready yet."""


class CancelledError(Error):
    """The caller asked to stop."""


class DeadlineError(Error, TimeoutError):
    """The deadline passed before the last step began."""


class IoError(Error, OSError):
    """The operating system refused."""


class InternalError(Error, RuntimeError):
    """A defect of Tercel."""
