"""The errors a user can meet.

`InputError` is for what the user can mend; the command line turns it into exit code 2 without a traceback.
Every other exception is a defect of this program.
"""


class SpondylError(Exception):
    """Base of the errors this package raises on purpose."""


class InputError(SpondylError):
    """The input cannot be used: the message says what was found, what was expected and what to do."""


class NotConverged(SpondylError):
    """A numerical method did not reach its tolerance."""

    def __init__(self, message: str, residuals: tuple[float, ...] = ()) -> None:
        super().__init__(message)
        self.residuals = residuals

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.residuals)
