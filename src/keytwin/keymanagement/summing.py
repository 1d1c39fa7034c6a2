"""What the far end makes of a sum that the central point tells it: keys when the maker's tag is right, else nothing."""

from __future__ import annotations

from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.relay import conclude
from keytwin.keymanagement.sums import SumOverdue, sum_stop
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.exchange_messages import KeysFailed
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.machine import Effect, Publish, Send
from keytwin.vocabulary.point_messages import XorSummed
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Instant


def take_sum(carriage: Carriage, summed: XorSummed, now: Instant) -> list[Effect]:
    """Make keys of what waits for this sum; one that is wrong is the end of the batch, and its maker hears so.

    There is no second try: whoever spoils sums gets one guess at a tag for each message that honest nodes have sent.
    """
    awaited = carriage.shelf.sums.take(summed.went)
    if awaited is None:
        return []  # a repeat, or too late
    message, stop = awaited.message, sum_stop(summed.went)
    hop = carriage.forwarding.hop(message.ksid, message.epoch)
    if hop is None or hop.configuration.end is None:
        awaited.wipe()
        return [stop]  # the route is gone, and with it the batch
    plain = conclude(message, awaited.held, summed.xor)
    if plain is None:
        about = f"the sum for {len(message.key_ids)} keys of session {message.ksid} does not fit their tag"
        failed = KeysFailed(
            carriage.node, message.ksid, message.epoch, not message.onward, message.batch_id, Reason.KEY_UNAVAILABLE
        )
        return [stop, Publish(ViolationSeen("TagMismatch", about)), Send(km_of(message.sender), failed)]
    return [stop, *carriage.store(message, plain, hop, now)]


def ask_again(carriage: Carriage, overdue: SumOverdue, now: Instant) -> list[Effect]:
    """Ask for a sum once more, or give it up."""
    return carriage.shelf.sums.on_overdue(carriage.node, overdue.went, now)
