"""Keys: what SAEs ask of a key manager, and what key managers tell each other. Paper B, 3.3 and Fig. 3b.

An SAE's messages stay inside the node. Those between key managers travel over the neighbours' own authenticated stream,
never over the bus; what they carry of key is one-time-padded and tagged.
"""

from __future__ import annotations

from keytwin.vocabulary.identity import ElementName, KeyId, KmId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.stream_messages import StreamWord
from keytwin.vocabulary.units import Bits, Duration

BatchId = str
"""Names the keys that one end makes and carries together; unique, never reused."""

# --- SAE and key manager --------------------------------------------------------------------------------------------


class GetKey(Message, frozen=True, gc=False):
    """A master asks for fresh keys; it waits up to `timeout` for them. `size` None = the session's own key size.

    `further`: other sessions of the same SAE, whose slaves are to have identical keys (multicast): all or none.
    """

    request_id: RequestId
    reply_to: ElementName
    ksid: Ksid
    sae: SaeId
    number: int
    size: Bits | None
    timeout: Duration
    further: tuple[Ksid, ...] = ()


class GetKeyById(Message, frozen=True, gc=False):
    """A slave asks for the keys whose identifiers it has from its peer: all of them or none.

    `master` is the SAE they are to be from, None = whichever.
    """

    request_id: RequestId
    reply_to: ElementName
    sae: SaeId
    key_ids: tuple[KeyId, ...]
    master: SaeId | None = None


class KeyDelivered(Message, frozen=True, gc=False):
    """The keys, once; the receiver owns them and wipes them. Never leaves the process of its node."""

    request_id: RequestId
    keys: tuple[Key, ...]


class KeyRefused(Message, frozen=True, gc=False):
    """No key, and none was consumed. `retry_after` 0 = asking again the same way is of no use."""

    request_id: RequestId
    reason: Reason
    retry_after: Duration


class GetPoolStatus(Message, frozen=True, gc=False):
    """To the standing SAE `sae/<master>`: what may its master end ask for, in common with `slave`?

    Answered by `PoolStatus`, by `PoolUnknown`, or by `KeyRefused` while there is no session.
    """

    request_id: RequestId
    reply_to: ElementName
    master: SaeId
    slave: SaeId


class GetSharedKey(Message, frozen=True, gc=False):
    """To the standing SAE `sae/<master>`: hand out keys in common with `slave`, waiting up to `timeout` for them.

    Answered by the key manager as `GetKey` is; or, where the request is not surely within the limits that hold, as
    `GetPoolStatus` is, and then nothing has been asked of anybody. `further_slaves` are to have identical keys.
    """

    request_id: RequestId
    reply_to: ElementName
    master: SaeId
    slave: SaeId
    number: int
    size: Bits | None
    timeout: Duration
    further_slaves: tuple[SaeId, ...] = ()


class DescribePool(Message, frozen=True, gc=False):
    """To a key manager: tell `reply_to` what the SAE may ask of this session; `target` is the peer's key manager.

    `others`: how many more slaves the SAE may name in one request.
    """

    request_id: RequestId
    reply_to: ElementName
    ksid: Ksid
    sae: SaeId
    target: KmId
    others: int = 0


class PoolStatus(Message, frozen=True, gc=False):
    """What a master may ask of the pool it shares with a slave: the limits told are those that hold. Sizes in bits."""

    request_id: RequestId
    ksid: Ksid
    source: KmId
    target: KmId
    key_size: Bits
    min_key_size: Bits
    max_key_size: Bits
    stored_key_count: int
    max_key_count: int
    max_key_per_request: int
    max_sae_id_count: int = 0

    def __post_init__(self) -> None:
        assert 0 < self.min_key_size <= self.key_size <= self.max_key_size
        assert 0 <= self.stored_key_count <= self.max_key_count
        assert self.max_key_per_request > 0
        assert self.max_sae_id_count >= 0


class PoolUnknown(Message, frozen=True, gc=False):
    """The two SAEs have no app in common."""

    request_id: RequestId


# --- between neighbouring key managers: carried over one Q-link's KM link ------------------------------------------


class RelayKeys(Message, frozen=True, gc=False):
    """End-to-end keys under one-time pad, from `sender` to its neighbour on `link`.

    The pad is [offset, offset + 32 + len(ciphertext)) of the direction sender -> neighbour in `link_epoch`: 32 octets
    of tag key first, then the pad. `floor`: every octet of that direction below it is spent or abandoned. A retry
    repeats the message octet for octet; the tag covers all of it. `is_copy`: other slaves have keys of these names too.

    `is_announced`: no pad, the link's own key; `ciphertext` is what the nodes passed so far announce, each the XOR of
    the keys of its two links, and the key is the first link's.

    `end_tag`: so it is, but nodes announce to a central point, and this is the maker's tag over the keys themselves.
    32 octets more of the range lie before the keys: the pad of `ciphertext`, which is the key of that tag.

    `generation`: the post-quantum secret that the ends combine these keys with, 0 = none; `proof`: that the maker has
    it, of which the tag that is made anew at each hop says nothing.
    """

    sender: NodeId
    link: LinkId
    link_epoch: int
    offset: int
    floor: int
    ksid: Ksid
    epoch: int
    onward: bool  # from the first end to the second
    batch_id: BatchId
    key_size: Bits
    key_ids: tuple[KeyId, ...]
    hops_left: int
    remaining: Duration
    ciphertext: bytes
    tag: bytes
    is_copy: bool = False
    is_announced: bool = False
    generation: int = 0
    proof: bytes = b""
    end_tag: bytes = b""

    @property
    def is_central(self) -> bool:
        """Whether a central point sums up what nodes between announce."""
        return bool(self.end_tag)


class AssignKeys(Message, frozen=True, gc=False):
    """Between adjacent ends: these keys are the quantum key at [offset, offset + length) of the sender's direction.

    No one-time tag is on it: it tells no key, and the stream between neighbours authenticates it. `generation` and
    `proof` are as of `RelayKeys`; the proof covers where the key lies, too.
    """

    sender: NodeId
    link: LinkId
    link_epoch: int
    offset: int
    floor: int
    ksid: Ksid
    epoch: int
    onward: bool
    batch_id: BatchId
    key_size: Bits
    key_ids: tuple[KeyId, ...]
    generation: int = 0
    proof: bytes = b""


class KeysReceived(Message, frozen=True, gc=False):
    """Hop acknowledgement: the neighbour has durable custody of what came at `offset` of direction `owner` -> it."""

    sender: NodeId
    owner: NodeId
    link: LinkId
    link_epoch: int
    offset: int


# --- along a session's route: each key manager hands them on to its previous or next hop ---------------------------


class SessionSignal(Message, frozen=True, gc=False):
    """Common to all signals along a route; `onward` = travelling from the first end to the second."""

    sender: NodeId
    ksid: Ksid
    epoch: int
    onward: bool


class KeysStored(SessionSignal, frozen=True, gc=False):
    """The far end has the batch durably: its keys are available at both ends."""

    batch_id: BatchId


class AskStored(SessionSignal, frozen=True, gc=False):
    """The maker has not heard of its batch for a while: does the far end have it?"""

    batch_id: BatchId


class KeysFailed(SessionSignal, frozen=True, gc=False):
    """A key manager on the way could not carry the batch: its maker voids it."""

    batch_id: BatchId
    reason: Reason


class VoidKeys(SessionSignal, frozen=True, gc=False):
    """The maker gives the batch up: whoever has its keys wipes them; their identifiers are never used again."""

    batch_id: BatchId
    key_ids: tuple[KeyId, ...]


class KeysVoided(SessionSignal, frozen=True, gc=False):
    """The far end holds nothing of the batch, and will not take it any more."""

    batch_id: BatchId


class NameKeys(SessionSignal, frozen=True, gc=False):
    """These are the names of keys that both ends derive from a post-quantum secret; nothing of them travels."""

    batch_id: BatchId
    key_size: Bits
    key_ids: tuple[KeyId, ...]
    generation: int
    proof: bytes


class OfferPublicKey(SessionSignal, frozen=True, gc=False):
    """An end that makes keys wants a post-quantum secret in common with the other: here is its public key.

    `voucher`: by what the other end can tell that these are the words of the session's other node.
    """

    generation: int
    public: bytes
    voucher: bytes


class AnswerCiphertext(SessionSignal, frozen=True, gc=False):
    """The other end has made the secret of that generation, and this is how its maker opens it."""

    generation: int
    ciphertext: bytes
    voucher: bytes


class PeerWord(SessionSignal, frozen=True, gc=False):
    """What an SAE's element at one end of a key stream tells that at the other."""

    word: StreamWord


class BorrowCredit(SessionSignal, frozen=True, gc=False):
    """The second end asks the first for tokens: `wanted` counts all bits since the session began, so it may repeat.

    `lent` is what the second end knows to have had, in case the first end has forgotten.
    """

    wanted: int
    lent: int


class CreditLent(SessionSignal, frozen=True, gc=False):
    """The first end has moved `lent` bits in all from its token bucket to the second end."""

    lent: int
