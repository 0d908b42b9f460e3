"""Keeps full garbage collections short, because requests wait for them.

A full collection visits each object that may be in a cycle and is not frozen. The objects of all modules, and those
that a process loads as it serves, such as statements and their plans, take it a tenth of a second, and none of them is
garbage. So what survives a collection that took long is frozen: later ones leave it out. A cycle that becomes garbage
after it was frozen would stay for good. When three times as many objects are frozen as after the last whole collection,
the next one visits them all again.
"""

import gc
import time
from typing import Any

# About ten thousand objects.
LONG_S = 0.002
GROWTH = 3
# New objects before a young collection, and young collections before one of the middle generation, as Python begins.
_YOUNG, _MIDDLE = 700, 10
# Collections of the middle generation before a full one. With few objects to visit it may come often.
_EVERY = 2


class Collections:
    """The collections of this process, from `start` on."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._whole = 0
        # An upper bound: objects that have gone since are among them.
        self._frozen = 0
        self._is_whole = False

    def start(self) -> None:
        """When the program is loaded."""
        gc.collect()
        self._freeze_all()
        # The next full collection waits until there are a quarter more objects than this one visits.
        gc.collect()
        gc.set_threshold(_YOUNG, _MIDDLE, _EVERY)
        gc.callbacks.append(self._on_collection)

    def stop(self) -> None:
        gc.callbacks.remove(self._on_collection)
        gc.unfreeze()

    def _freeze_all(self) -> None:
        gc.freeze()
        self._whole = self._frozen = gc.get_freeze_count()

    def _on_collection(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] != 2:
            return
        if phase == "start":
            self._is_whole = self._is_due()
            if self._is_whole:
                gc.unfreeze()
            self._began_s = time.thread_time()
        elif self._is_whole:
            self._freeze_all()
        elif time.thread_time() - self._began_s > LONG_S:
            self._frozen += len(gc.get_objects(generation=2))
            gc.freeze()

    def _is_due(self) -> bool:
        """Whether too many objects are frozen. To count them takes long, so that it is done when they may be."""
        if self._frozen > GROWTH * self._whole:
            self._frozen = gc.get_freeze_count()
        return self._frozen > GROWTH * self._whole
