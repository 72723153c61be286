"""I/O, time, processes: the only package that touches the world."""
