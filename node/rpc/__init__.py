"""JSON-RPC 2.0 on loopback: server, client, OpenRPC document, and the table of methods both sides share."""
