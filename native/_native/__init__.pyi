from . import engine, garbling, keys, signing, tapscript

__all__ = ["NativeError", "engine", "garbling", "keys", "signing", "tapscript"]

class NativeError(ValueError): ...
