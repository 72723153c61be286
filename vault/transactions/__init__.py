"""The transactions of protocol.md, one a file: small pure functions from a plan and parents to a template."""
