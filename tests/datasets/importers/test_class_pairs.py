from __future__ import annotations

from collections import Counter

from polymodal_datasets.importers.class_pairs import class_pairs

FIRST = [("cat", n) if n % 3 else ("dog", n) for n in range(30)]
SECOND = {"cat": list("abcd"), "dog": list("xyz"), "cow": ["m"]}


def test_pairs_agree_in_class_and_keep_the_order_of_the_first() -> None:
    pairs = class_pairs(FIRST, SECOND, times=1, seed=0)
    assert [(name, value) for name, value, _ in pairs] == FIRST
    assert all(partner in SECOND[name] for name, _, partner in pairs)


def test_every_partner_is_used_as_often_as_any_other() -> None:
    used = Counter(partner for _, _, partner in class_pairs(FIRST, SECOND, times=1, seed=0))
    assert set(used) == set("abcdxyz")
    assert max(used[name] for name in "abcd") - min(used[name] for name in "abcd") <= 1
    assert max(used[name] for name in "xyz") - min(used[name] for name in "xyz") <= 1


def test_several_partners_of_one_are_different() -> None:
    for times in (2, 3, 4, 9):
        pairs = class_pairs(FIRST, SECOND, times=times, seed=0)
        for name, value in FIRST:
            partners = [partner for _, other, partner in pairs if other == value]
            assert len(partners) == len(set(partners)) == min(times, len(SECOND[name]))


def test_the_pairing_depends_on_the_seed_and_not_on_the_order_of_classes() -> None:
    pairs = class_pairs(FIRST, SECOND, times=1, seed=0)
    other = dict(reversed(list(SECOND.items())))
    assert class_pairs(FIRST, other, times=1, seed=0) == pairs
    assert class_pairs(FIRST, SECOND, times=1, seed=1) != pairs


def test_a_class_without_partners_gives_no_pairs() -> None:
    pairs = class_pairs([("bee", 1), ("dog", 2)], {"dog": ["x"], "bee": []}, times=2, seed=0)
    assert pairs == [("dog", 2, "x")]
