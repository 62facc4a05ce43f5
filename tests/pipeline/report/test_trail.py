"""The audit trail: every digest can be computed anew by whoever has the bytes."""

from __future__ import annotations

import gzip
from hashlib import sha256

from pipeline.report.files import read_files
from pipeline.report.trail import exported, trail_of
from schemas.delivery import encode_delivery, new_delivery
from tests.pipeline.report.recorded import recorded, said, write


def test_every_record_is_named_by_its_place_and_the_digest_of_its_bytes(tmp_path):
    write(tmp_path)
    found = read_files([str(tmp_path / "alerts.jsonl")], [str(tmp_path / "feedback.jsonl")])
    trail = found.review(recorded()[0][0].episode_id).trail
    assert len(trail.records) == len(recorded()[0]) + len(said(recorded()[0][0]))
    for record in trail.records:
        lines = (tmp_path / record.source).read_bytes().splitlines()
        assert record.line is not None
        assert record.sha256 == sha256(lines[record.line - 1]).hexdigest()
    assert [record.time for record in trail.records] == sorted(record.time for record in trail.records)
    listed = "".join(f"{record.sha256}\n" for record in trail.records)
    assert trail.sha256 == sha256(listed.encode()).hexdigest()
    assert trail_of(reversed(trail.records)) == trail


def test_who_was_told_stands_in_it_with_place_and_digest_and_what_was_written_twice_twice(tmp_path):
    write(tmp_path)
    opened = recorded()[0][0]
    told = encode_delivery(new_delivery(opened, target=("on-call", "pagerduty"), time=opened.detected_time))
    (tmp_path / "deliveries.jsonl").write_bytes(2 * (told + b"\n"))
    found = read_files([str(tmp_path / "alerts.jsonl")], [], [str(tmp_path / "deliveries.jsonl")])
    review = found.review(opened.episode_id)
    first, second = [record for record in review.trail.records if record.kind == "delivery"]
    assert (first.target, first.outcome, first.what, first.alert_id) == ("on-call", "delivered", "opened", opened.id)
    assert (first.line, second.line) == (1, 2)
    assert first.sha256 == second.sha256 == sha256(told).hexdigest()
    assert exported(review.trail, found.values(opened.episode_id))[-1]
    assert [(one.target, one.alerts) for one in review.told] == [("on-call", 1)]


def test_a_changed_byte_changes_the_digest_of_the_whole(tmp_path):
    write(tmp_path)
    files = [str(tmp_path / "alerts.jsonl")], [str(tmp_path / "feedback.jsonl")]
    episode = recorded()[0][0].episode_id
    before = read_files(*files).review(episode).trail
    content = (tmp_path / "feedback.jsonl").read_bytes()
    (tmp_path / "feedback.jsonl").write_bytes(content.replace(b"We recall it.", b"We recall 1t."))
    after = read_files(*files).review(episode).trail
    assert after.sha256 != before.sha256
    assert sum(a != b for a, b in zip(before.records, after.records, strict=True)) == 1


def test_a_compressed_file_and_a_broken_line_lose_nothing_else(tmp_path):
    write(tmp_path)
    broken = tmp_path / "alerts.jsonl.gz"
    broken.write_bytes(gzip.compress(b'{"version":1}\n' + (tmp_path / "alerts.jsonl").read_bytes() + b"\x1b[31m\n"))
    found = read_files([str(broken)], [])
    assert [alert for alert, _ in found.alerts] == list(recorded()[0])
    first, last = found.problems
    assert first.startswith(f"{broken}:1: expected an alert of version 1:")
    assert last.startswith(f"{broken}:{2 + len(recorded()[0])}: ")
    assert "\x1b" not in last
