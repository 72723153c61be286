from . import engine, garbling, groth16, keys, signing, statements, tapscript

__all__ = ["NativeError", "engine", "garbling", "groth16", "keys", "signing", "statements", "tapscript"]

class NativeError(ValueError): ...
