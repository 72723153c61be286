"""Parts of an instance of engine babe one by one, for the benches: the engine's own code on secrets that protect nothing."""

from typing import NoReturn, SupportsIndex, final

from .engine import Params, Statement
from .keys import Seed

__all__ = ["Encoding", "solder"]

def solder(params: Params, digit_seed: Seed, index: int) -> bytes:
    """D of an instance, 33 bytes each: every digit secret times R_i."""

@final
class Encoding:
    """The encoding of an instance on labels of a seed, and the labels of one point."""

    def __new__(cls, seed: Seed) -> Encoding: ...
    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...
    @property
    def size(self) -> int:
        """Bytes of table and offsets."""

    def again(self) -> bool:
        """Encodes again, only hashed; whether the same came out."""

    def encrypt(self, statement: Statement) -> bytes:
        """R * delta (128 bytes) and the key Y^r (384), r being of this seed."""

    def decode(self) -> bool:
        """Decodes the labels of the point; whether r times it came out."""
