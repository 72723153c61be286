"""Terms and engine points in, graphs of transactions out; pure."""
