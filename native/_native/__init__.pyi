from . import engine, garbling, groth16, keys, pieces, proving, signing, statements, tapscript

__all__ = [
    "NativeError",
    "engine",
    "garbling",
    "groth16",
    "keys",
    "panics",
    "pieces",
    "proving",
    "signing",
    "statements",
    "tapscript",
]

class NativeError(ValueError): ...

def panics() -> None:
    """Panics in native code, as a bug would: for tests of what goes on after one.

    Raises:
        NativeError: always; a panic anywhere in native code arrives as one.
    """
