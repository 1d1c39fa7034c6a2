"""A foreign key manager examined from both ends of its key streams: ETSI GS QKD 004 V2.1.1.

As in `conformance`: first all calls are made (`conformance_stream_interview`), then the checks judge what was heard.
"""

from __future__ import annotations

from typing import Final

from keytwin.operation.conformance_stream_calls import CLOCK, Clock, StreamVisit, speaker_of
from keytwin.operation.conformance_stream_chunks import CHUNKS
from keytwin.operation.conformance_stream_course import StreamSubject
from keytwin.operation.conformance_stream_interview import stream_interview
from keytwin.operation.conformance_stream_openings import OPENINGS
from keytwin.operation.conformance_stream_questions import MOST_CHUNKS
from keytwin.operation.conformance_values import Examination, judge

STREAMS_STANDARD: Final = "ETSI GS QKD 004 V2.1.1"
STREAM_CHECKS: Final = (*OPENINGS, *CHUNKS)


def examine_streams(subject: StreamSubject, visit: StreamVisit = speaker_of, clock: Clock = CLOCK) -> Examination:
    """Call and judge; Refusal when nothing answers at all, Mistake when the files are none."""
    heard = stream_interview(subject, visit, clock)
    results = tuple(judge(check, heard) for check in STREAM_CHECKS)
    return Examination(STREAMS_STANDARD, subject.first.url, subject.second.url, results, heard.used, MOST_CHUNKS)
