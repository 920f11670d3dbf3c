from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from polymodal_eval.report.charts import signed
from polymodal_eval.report.document import document
from polymodal_eval.report.evaluated import Evaluated
from polymodal_eval.report.page import render
from polymodal_eval.results import Skipped, TaskResult
from polymodal_eval.tasks.enrichment import Enrichment
from polymodal_eval.tasks.probe import Probe
from polymodal_eval.tasks.retrieval import Retrieval
from polymodal_eval.tasks.zero_shot import ZeroShot

from tests.eval.report.evaluations import METRICS, evaluated
from tests.eval.worlds import scenes

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Checker(HTMLParser):
    """Checks that tags close in order, and collects what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        assert tag not in {"script", "iframe", "link", "object"}
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "srcset", "poster", "data"}:
                self.fetched.append(value or "")
            assert not name.startswith("on")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def rendered(given: Evaluated) -> tuple[str, Checker]:
    page = render(given, document(given))
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return page, checker


@pytest.fixture(scope="module")
def page() -> tuple[str, Checker]:
    return rendered(evaluated())


def test_the_page_needs_nothing_but_itself(page: tuple[str, Checker]) -> None:
    text, checker = page

    assert checker.fetched
    assert all(item.startswith(("data:image/", "#")) for item in checker.fetched)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text


def test_every_anchor_of_the_navigation_exists(page: tuple[str, Checker]) -> None:
    text, checker = page
    anchors = [item[1:] for item in checker.fetched if item.startswith("#")]

    assert len(anchors) >= 6
    assert all(f'id="{anchor}"' in text for anchor in anchors)


def test_values_intervals_and_chance_stand_in_the_table(page: tuple[str, Checker]) -> None:
    given = evaluated()
    text = re.sub(r"[ \n]+", " ", " ".join(page[1].text))

    for measured in given.results[0].measurements:
        estimate = measured.estimates["r@1"]
        assert estimate.low is not None
        assert estimate.high is not None
        assert f"{100 * estimate.value:.1f}\u202f%" in text
        assert f"{100 * estimate.low:.1f} – {100 * estimate.high:.1f}" in text


def test_what_data_say_is_shown_and_never_obeyed(page: tuple[str, Checker]) -> None:
    text, checker = page
    shown = "".join(checker.text)

    assert "caption <b>" in shown
    assert "caption &lt;b&gt;" in text
    assert "caption <b>" not in text
    assert "rooms <one>" in shown
    assert "the store is <another>" in shown
    assert "there is <no> text" in shown


def test_pictures_are_inside_and_right_answers_are_marked(page: tuple[str, Checker]) -> None:
    text, _ = page

    assert text.count('<img src="data:image/png;base64,') > 10
    assert "card found right" in text
    assert "card found wrong" in text
    assert "✓" in text
    assert "✗" in text


def test_curves_projection_recipe_and_versions_are_there(page: tuple[str, Checker]) -> None:
    text, checker = page

    assert text.count('class="chart"') == 2
    assert text.count('class="scatter"') == 5  # together by column, row and class, then two alone
    assert 'store = "/data/rooms"' in "".join(checker.text)
    assert "torch 2.11" in text
    assert "abc123" in text
    assert "step 1,234" in text


def test_pulls_of_pairs_are_drawn_with_a_legend_where_they_were_measured() -> None:
    pulls = [
        {"event": "step", "step": step, "pair_gradients": {"positive": 0.2, "negative <1>": 0.1}}
        for step in (10, 20)
    ]
    text, checker = rendered(evaluated(metrics=[*METRICS, *pulls]))
    assert text.count('class="chart"') == 3
    assert 'class="curve s0"' in text
    assert 'class="curve s1"' in text
    assert "Pull of pairs" in "".join(checker.text)
    assert {"positive", "negative <1>"} <= {part.strip() for part in checker.text}


def test_a_bare_evaluation_still_gives_a_page() -> None:
    space = scenes()
    result = Retrieval((("image", "text"),))(space)
    text, _ = rendered(Evaluated("bare", [result], {"test": space}))
    assert 'id="training"' not in text

    nothing = TaskResult("retrieval", "test", skipped=(Skipped("retrieval", "no pairs"),))
    text, _ = rendered(Evaluated("empty", [nothing], {"test": space}))
    assert "no pairs" in text


def test_tasks_of_other_packages_get_a_table_of_their_own() -> None:
    space = scenes()
    probe = Probe(("image",), methods=("class_mean",), min_count=4, folds=2)(space)
    foreign = replace(probe, task="sound_probe")

    text, _ = rendered(Evaluated("foreign", [foreign], {"test": space}))

    assert "Sound probe" in text
    assert "class mean probe" in text
    assert "examples" not in re.findall(r'id="(\w+)"', text)


def test_enrichment_shows_its_counts_heat_map_gains_and_what_it_puts_right() -> None:
    space = scenes(size=60, classes=5)
    result = Enrichment()(space)

    text, checker = rendered(Evaluated("e", [result], {"test": space}))

    shown = " ".join("".join(checker.text).split())
    assert "12 pairs of combinations that share no column are measured, 6 of them" in shown
    assert text.count('class="heat"') == 12 + 1  # cells, and the picture itself
    for line in result.measurements:
        for gain in line.gains:
            assert signed(gain.difference.value) in shown
    assert "What a further column puts right" in shown
    assert 'class="correction"' in text
    assert "enrichment.html.j2" not in text


def test_emergent_pairs_are_marked_and_stand_apart() -> None:
    space = scenes()
    result = Retrieval()(space)
    pairs = frozenset({frozenset({"image", "text"})})

    text, checker = rendered(Evaluated("e", [result], {"test": space}, trained_pairs=pairs))

    assert len(re.findall(r'<td [^>]*class="(?:deep)? emergent"', text)) == 4
    shown = "".join(checker.text)
    assert "emergent pairs, never together in training" in shown
    assert "A dashed frame marks emergent pairs" in shown
    plain, _ = rendered(Evaluated("e", [result], {"test": space}))
    assert "emergent" not in plain.split("</style>")[1]


def test_inputs_and_sides_of_classes_are_laid_out_by_t1() -> None:
    space = scenes()

    text, checker = rendered(Evaluated("e", [ZeroShot("all")(space)], {"test": space}))

    assert "Accuracy averaged over classes (T1)" in "".join(checker.text)
    assert 'class="matrix compact"' in text


def test_rows_that_lack_a_column_of_a_combination_are_counted_in_the_table() -> None:
    space = scenes()
    table = space.embeddings.table
    text = np.where(np.arange(len(table)) < 5, -1, table.items["text"] - 5)
    texts = space.embeddings.vectors["text"][5:]
    embeddings = replace(
        space.embeddings,
        table=replace(table, items={**table.items, "text": text}),
        vectors={**space.embeddings.vectors, "text": texts},
        item_numbers={**space.embeddings.item_numbers, "text": np.arange(5, 48)},
    )
    gappy = replace(space, embeddings=embeddings)
    result = Enrichment((("image", "text"), ("image",)), (("prototypes",),))(gappy)

    _, checker = rendered(Evaluated("e", [result], {"test": gappy}))

    shown = " ".join("".join(checker.text).split())
    assert shown.count("left out, lacking a column: 5 query rows") == 1
