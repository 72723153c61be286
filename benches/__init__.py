"""One file a subject; python -m benches prints one table."""
