"""Items of a store as values of another one, copied byte for byte."""

from __future__ import annotations

from hashlib import blake2b

from polymodal_datasets.deferred import Deferred
from polymodal_datasets.store import Store


def stored_value(store: Store, column: str, item: int, *, by_bytes: bool = False) -> Deferred:
    """Give the stored bytes of an item as a value to pack.

    Two values are the same where they are one item of one store, or, `by_bytes`, equal.
    """

    def read() -> bytes:
        return store.read(column, [item])[0]

    if by_bytes:
        return Deferred(blake2b(read(), digest_size=16).hexdigest(), read)
    return Deferred(f"{store.fingerprint}/{column}/{item}", read)
