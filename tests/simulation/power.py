"""Power cuts: a node's life ends at a named place, and from then on nothing of it reaches a disk, a peer or the chain.

Every port of a node is wrapped: what a task or a thread of a dead life still tries raises `Crash` instead of happening.
So a test sees what a restart finds on disk, and never what a survivor of the crash wrote later.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Label = Callable[..., str | None]


class Crash(BaseException):
    """The power is gone."""


@dataclass
class Fuse:
    """Counts the places that a node passes, over all its lives; `wanted` says where the power is cut."""

    wanted: Callable[[str], bool] = lambda place: False
    places: Counter[str] = field(default_factory=Counter)
    blown: list[str] = field(default_factory=list)

    def once(self, place: str) -> None:
        """Cut the power at the next pass of `place`."""
        self.wanted = lambda passed: passed == place and place not in self.blown

    def burn(self, place: str) -> bool:
        self.places[place] += 1
        if self.wanted(place):
            self.blown.append(place)
            return True
        return False


class Power:
    """Of one life of a node. Safe to use from job threads."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse, self.on, self.cut = fuse, True, asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def need(self) -> None:
        if not self.on:
            raise Crash("this life is over")

    def passes(self, place: str) -> None:
        self.need()
        if self.fuse.burn(place):
            self.on = False
            self._loop.call_soon_threadsafe(self.cut.set)
            raise Crash(place)


class Fused:
    """A port that needs power. `labels` names the calls that change something outside: before and after are places."""

    def __init__(self, inner: Any, power: Power, labels: Mapping[str, Label]) -> None:
        self._inner, self._power, self._labels = inner, power, labels

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return attribute
        label, power = self._labels.get(name), self._power

        def before(*args: Any, **kwargs: Any) -> str | None:
            power.need()
            place = None if label is None else label(*args, **kwargs)
            if place is not None:
                power.passes(f"before {place}")
            return place

        def after(place: str | None) -> None:
            if place is not None:
                power.passes(f"after {place}")
            power.need()

        if inspect.iscoroutinefunction(attribute):

            async def later(*args: Any, **kwargs: Any) -> Any:
                place = before(*args, **kwargs)
                answer = await attribute(*args, **kwargs)
                after(place)
                return answer

            return later

        def now(*args: Any, **kwargs: Any) -> Any:
            place = before(*args, **kwargs)
            answer = attribute(*args, **kwargs)
            after(place)
            return answer

        return now
