"""Reads the memory of a warm process; sends no request."""

from viewfinder.measure.measures.base import NoCounts
from viewfinder.measure.subject import Subject


async def read_memory(subject: Subject, counts: NoCounts, nth: int) -> None:
    subject.note_memory("steady")
    subject.note_memory("peak")
