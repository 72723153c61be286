"""What the machine's jobs do: the only place where facts are made from secrets, files, the chain and heavy computation.

Promise: a job may be run again at any time and then states the same facts or fails; whatever must not exist twice is
claimed in the guard before it is made. Jobs do NOT change a vault's state: they return facts.
"""
