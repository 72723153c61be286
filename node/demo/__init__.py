"""The demo: a chain, three daemons as separate processes, and every way a claim can go, over real RPC.

Promises nothing to the product; it is a client like any other, and the product does not know it.
"""
