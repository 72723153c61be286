"""The table of limits: complete, reasoned, consistent. Each limit is reached and exceeded in its module's tests."""

from dataclasses import fields

from node.limits import PRODUCT, Limits, table


def test_every_limit_has_a_positive_value_a_unit_and_a_reason() -> None:
    rows = list(table(PRODUCT))
    assert [name for name, *_ in rows] == [item.name for item in fields(Limits)]
    assert all(value > 0 and unit and len(why) > 20 for _, value, unit, why in rows)


def test_limits_that_depend_on_one_another_fit() -> None:
    at = PRODUCT
    assert at.message_frame_bytes > at.message_body_bytes
    assert at.message_frame_bytes <= at.bytes_burst and at.chunk_bytes <= at.bytes_burst
    assert 2 * (at.message_streams + at.chunk_streams + 1) <= at.streams_per_peer
    assert at.handler_seconds >= at.idle_frame_seconds and at.backoff_most_seconds > at.backoff_first_seconds
    assert at.artifact_bytes <= at.artifact_quota_bytes
    assert at.pending_calls_per_peer > at.message_streams
