from . import engine, garbling, groth16, keys, signing, tapscript

__all__ = ["NativeError", "engine", "garbling", "groth16", "keys", "signing", "tapscript"]

class NativeError(ValueError): ...
