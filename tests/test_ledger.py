import pytest

from pipeline.ledger import Ledger, Tally


def test_a_ledger_that_does_not_balance_is_refused():
    with pytest.raises(ValueError, match="in 5, kept \\+ dropped 4"):
        Ledger(records_in=5, kept=3, dropped={"url": 1})


def test_totals_add_up_by_reason_and_survive_the_disk():
    parts = [Ledger(records_in=3, kept=1, dropped={"url": 2}), Ledger(records_in=4, kept=4, dropped={})]
    parts.append(Ledger(records_in=3, kept=1, dropped={"empty": 1, "url": 1}))
    total = Ledger.total(parts)
    assert total.as_json() == {"in": 10, "kept": 6, "dropped": {"empty": 1, "url": 3}}
    assert Ledger.from_json(total.as_json()) == total


def test_a_tally_closes_to_a_ledger():
    tally = Tally()
    tally.records_in += 2
    tally.kept += 1
    with pytest.raises(ValueError, match="does not balance"):
        tally.ledger()
    tally.dropped["math"] += 1
    assert tally.ledger() == Ledger(records_in=2, kept=1, dropped={"math": 1})


def test_a_stage_may_write_more_documents_than_it_keeps():
    pairs = Ledger(records_in=3, kept=2, dropped={"no_pairs": 1}, written=9)
    assert (pairs.rows, Ledger.from_json(pairs.as_json())) == (9, pairs)
    total = Ledger.total([pairs, Ledger(records_in=1, kept=1, dropped={})])
    assert total.as_json() == {"in": 4, "kept": 3, "written": 10, "dropped": {"no_pairs": 1}}
