from __future__ import annotations

import numpy as np
from polymodal_datasets.importers.class_means import ClassMeans


def test_means_by_column_and_label() -> None:
    means = ClassMeans()
    for label, vector in (("a", [1, 2]), ("a", [3, 6]), ("b", [5, 5]), ("a", [1, 2, 3])):
        means.add("p", label, np.array(vector, dtype=np.float32))
    found = means.item("p", "a")
    assert found is not None
    assert found.id == "a"
    assert found.value.dtype == np.float32
    assert found.value.tolist() == [2, 4]
    assert means.item("p", None) is None
    assert means.item("p", "c") is None
    assert means.item("q", "a") is None
