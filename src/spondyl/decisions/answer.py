"""Yes, no or unknown."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """An answer to a clinical question; what nobody asked is UNKNOWN, and stays so until somebody answers.

    Combined with `&`, `|` and `~` as in Kleene's logic of three values: UNKNOWN gives way only where the other side
    settles the matter alone.

    >>> Answer.UNKNOWN & Answer.NO
    <Answer.NO: 'no'>
    >>> Answer.UNKNOWN & Answer.YES
    <Answer.UNKNOWN: 'unknown'>
    """

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, fact: bool | None) -> Answer:
        """The answer that a recorded fact gives; None is not recorded."""
        if fact is None:
            return cls.UNKNOWN
        return cls.YES if fact else cls.NO

    def __and__(self, other: object) -> Answer:
        if not isinstance(other, Answer):
            return NotImplemented
        if Answer.NO in (self, other):
            return Answer.NO
        return Answer.UNKNOWN if Answer.UNKNOWN in (self, other) else Answer.YES

    def __or__(self, other: object) -> Answer:
        if not isinstance(other, Answer):
            return NotImplemented
        return ~(~self & ~other)

    def __invert__(self) -> Answer:
        return {Answer.YES: Answer.NO, Answer.NO: Answer.YES, Answer.UNKNOWN: Answer.UNKNOWN}[self]

    def __bool__(self) -> bool:
        raise TypeError("an Answer may be unknown: write `answer is Answer.YES`, or `is not Answer.NO`, as you mean it")
