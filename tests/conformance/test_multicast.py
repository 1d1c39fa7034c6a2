"""One key for several slaves over the wire, as strangers see it: ETSI GS QKD 014 V1.1.1, Table 10 and Annex B."""

from __future__ import annotations

from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import keys
from tests.marks import clause, invariant

STANDARD = "ETSI GS QKD 014 V1.1.1"
SLAVES = ("wide-near", "wide-far", "wide-beside")


@clause(STANDARD, "Table 9")
def test_status_tells_how_many_further_slaves_there_may_be(line: Network) -> None:
    assert line.sae("wide").status()["max_SAE_ID_count"] == 2
    assert line.sae("near-a").status()["max_SAE_ID_count"] == 0


@clause(STANDARD, "Table 10")
@invariant("K1")
@invariant("K2")
def test_master_and_all_slaves_have_the_same_keys_and_each_slave_once(line: Network) -> None:
    master = line.sae("wide")
    first, *further = SLAVES
    wanted = {"number": 3, "size": 512, "additional_slave_SAE_IDs": further}
    taken = keys(master.post("enc_keys", wanted, first))
    assert len(taken) == 3
    named = {"key_IDs": [{"key_ID": key_id} for key_id in taken]}
    for slave in SLAVES:
        assert keys(line.sae(slave).post("dec_keys", named, "wide")) == taken
    for slave in SLAVES:
        again = line.sae(slave).post("dec_keys", named, "wide")
        assert (again.status, again.message) == (400, "one or more keys specified are not found on KME")


@clause(STANDARD, "Table 8")
@invariant("K4")
def test_a_slave_that_was_not_named_is_unauthorised_and_costs_nobody_the_key(line: Network) -> None:
    master = line.sae("wide")
    taken = keys(master.post("enc_keys", {"additional_slave_SAE_IDs": ["wide-far"]}, "wide-near"))
    named = {"key_IDs": [{"key_ID": key_id} for key_id in taken]}
    assert line.sae("wide-beside").post("dec_keys", named, "wide").status == 401
    for slave in ("wide-near", "wide-far"):
        assert keys(line.sae(slave).post("dec_keys", named, "wide")) == taken


@clause(STANDARD, "Table 10")
@invariant("K9")
def test_what_cannot_be_shared_consumes_nothing(line: Network) -> None:
    master = line.sae("wide")
    with nothing_consumed(line, master):
        for further in (
            ["near-b"],
            ["nobody"],
            ["wide-near"],
            ["wide-far", "wide-far"],
            ["wide-far", "wide-beside", "x"],
        ):
            refused = master.post("enc_keys", {"additional_slave_SAE_IDs": further}, "wide-near")
            assert refused.status == 400, further
