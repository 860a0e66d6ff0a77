"""What unpackers of product analytics tools do beside the golden files: units, ids, versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_analytics.loading.load import LoadOptions, load
from llm_analytics.loading.policy import Policy, TextPolicy
from llm_analytics.sources.base import Context, Malformed, Record, Unpacker
from llm_analytics.sources.product_analytics import TRACKED_STREAMS
from llm_analytics.sources.registry import find_source
from llm_analytics.tracking_plan import read_plan
from llm_analytics.warehouse import Warehouse
from load_helpers import rows
from support.project import ROOT

TOOLS = ("amplitude", "ga4", "mixpanel", "posthog")


def unpacker(source: str) -> Unpacker:
    found = find_source(source).unpacker
    assert found is not None
    return found


def unpack(
    source: str, native: dict[str, Any], file_name: str = "x.jsonl", key: bytes | None = None
) -> list[Record]:
    context = Context(file_name, Policy(TextPolicy.DROP, key))
    records = []
    for record in unpacker(source).unpack(native, context):
        assert isinstance(record, Record)
        records.append(record)
    return records


def mixpanel(**properties: Any) -> dict[str, Any]:
    first = {"distinct_id": "u1", "time": 1772438400, "$insert_id": "i1", **properties}
    [record, *_] = unpack("mixpanel", {"event": "Opened", "properties": first})
    return record.fields


def amplitude(**columns: Any) -> dict[str, Any]:
    event = {"event_type": "Opened", "event_time": "2026-03-02 08:00:00", "$insert_id": "i1"}
    [record, *_] = unpack("amplitude", {**event, "user_id": "user-1", **columns})
    return record.fields


def ga4(file_name: str = "x.jsonl", **columns: Any) -> dict[str, Any]:
    event = {"event_name": "opened", "event_timestamp": "1772438400000000", "user_pseudo_id": "v"}
    [record, *_] = unpack("ga4", {**event, "event_params": [], **columns}, file_name)
    return record.fields


@pytest.mark.parametrize("source", TOOLS)
def test_tracked_streams_have_all_fields_of_the_plan(source: str) -> None:
    plan, streams = read_plan(), find_source(source).streams
    for name in TRACKED_STREAMS:
        theirs, ours = plan[name].by_name, streams[name].by_name
        common = theirs.keys() - {"event", "event_version"}  # a tool's own versions are larger
        loosened = {
            field for field in common if theirs[field].is_required and not ours[field].is_required
        }
        assert common <= ours.keys()
        assert not loosened
        assert {f: ours[f].kind for f in common} == {f: theirs[f].kind for f in common}
        assert [f.name for f in streams[name].text_fields] == [
            f.name for f in plan[name].text_fields
        ]


def test_each_tools_records_are_recognised_by_its_unpacker_alone() -> None:
    for source in TOOLS:
        for file in sorted((ROOT / "tests/python/sources" / source).glob("input*")):
            text = file.read_text(encoding="utf-8")
            is_lines = file.suffix == ".jsonl" or source == "amplitude"
            native = json.loads(text.splitlines()[0] if is_lines else text)
            assert [t for t in TOOLS if unpacker(t).recognises(native)] == [source], file


@pytest.mark.parametrize("source", TOOLS)
def test_the_plans_own_records_are_no_tools(source: str) -> None:
    event = {"event": "llm_query_sent", "timestamp": 1772438400000, "user_id": "u", "id": "e"}
    assert not unpacker(source).recognises(event)


@pytest.mark.parametrize("time", [1772438400, 1772438400000, 1772438400.0, "1772438400"])
def test_mixpanels_time_may_have_either_unit(time: Any) -> None:
    fields = mixpanel(time=time)
    assert fields["timestamp"] == "2026-03-02T08:00:00.000000Z"
    assert fields["event_id"] == mixpanel()["event_id"]


def test_mixpanels_events_differ_by_name_user_second_or_insert_id() -> None:
    ids = [
        mixpanel()["event_id"],
        mixpanel(distinct_id="u2")["event_id"],
        mixpanel(time=1772438401)["event_id"],
        mixpanel(**{"$insert_id": "i2"})["event_id"],
    ]
    assert len(set(ids)) == len(ids)


def test_an_event_that_mixpanel_processes_again_is_a_later_version_of_itself() -> None:
    first = mixpanel(plan="a", mp_processing_time_ms=1772438405000)
    again = mixpanel(plan="b", mp_processing_time_ms=1772438405001)
    assert first["event_id"] == again["event_id"]
    assert first["event_version"] < again["event_version"]


def test_without_insert_id_what_mixpanel_adds_does_not_make_another_event() -> None:
    first = mixpanel(**{"$insert_id": None, "size": 1, "mp_processing_time_ms": 1})
    again = mixpanel(**{"$insert_id": None, "size": 1, "mp_processing_time_ms": 2})
    other = mixpanel(**{"$insert_id": None, "size": 2, "mp_processing_time_ms": 1})
    assert first["event_id"] == again["event_id"] != other["event_id"]


def test_an_anonymous_distinct_id_of_mixpanel_is_its_devices() -> None:
    fields = mixpanel(distinct_id="$device:d1")
    assert fields["distinct_id"] is None
    assert fields["mp_device_id"] == "d1"


def test_a_session_of_amplitude_is_one_of_its_device() -> None:
    one = amplitude(session_id=1772438390000, device_id="d1")["amplitude_session_key"]
    two = amplitude(session_id=1772438390000, device_id="d2")["amplitude_session_key"]
    assert one != two
    assert amplitude(session_id=-1, device_id="d1")["amplitude_session_key"] is None
    assert amplitude(session_id=None, device_id="d1")["amplitude_session_key"] is None


def test_amplitudes_insert_id_is_unique_for_a_device() -> None:
    assert amplitude(device_id="d1")["event_id"] != amplitude(device_id="d2")["event_id"]
    assert amplitude(**{"$insert_id": None, "uuid": "u-1"})["event_id"] == "u-1"


def test_a_later_export_of_a_table_of_ga4_has_the_higher_version() -> None:
    names = [
        "events_intraday_20260302.jsonl",
        "events_20260302.jsonl",
        "events_20260302.202603030400.jsonl.gz",
        "events_20260302.202603050400.jsonl.gz",
    ]
    versions = [ga4(name)["event_version"] for name in names]
    assert versions == sorted(set(versions))
    assert len({ga4(name)["event_id"] for name in names}) == 1


def test_parameters_of_ga4_read_the_same_from_parquet_as_from_json() -> None:
    value = {"string_value": "export", "int_value": None, "double_value": None}
    plain = [{"key": "feature", "value": {"string_value": "export"}}]
    wrapped = {"list": [{"element": {"key": "feature", "value": value}}]}
    as_text = json.dumps(plain)
    assert ga4(event_params=plain) == ga4(event_params=wrapped) == ga4(event_params=as_text)
    assert ga4(event_params=plain)["feature"] == "export"


@pytest.mark.parametrize("value", [{"element": 1}, 3, "no json", [{"key": "a"}], [None]])
def test_parameters_of_another_structure_are_malformed(value: Any) -> None:
    with pytest.raises(Malformed):
        ga4(event_params=value)


def test_which_user_properties_land_is_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"event": "$set", "uuid": "e", "distinct_id": "u", "timestamp": "2026-03-02T08:00:00Z"}
    native = {**event, "properties": {"$set": {"plan": "pro", "email": "a@b.example", "size": 3}}}
    assert [r.fields["trait"] for r in unpack("posthog", native)] == ["plan"]
    monkeypatch.setenv("LLM_ANALYTICS_TRAITS", "size, plan")
    traits = {r.fields["trait"]: r.fields["value"] for r in unpack("posthog", native)}
    assert traits == {"plan": "pro", "size": "3"}


def test_ids_of_people_in_keys_are_hashed_with_the_key() -> None:
    event = {"event_type": "Opened", "event_time": "2026-03-02 08:00:00", "$insert_id": "i1"}
    native = {**event, "user_id": "user-1", "device_id": "d1", "session_id": 5}
    plain, keyed = unpack("amplitude", native), unpack("amplitude", native, key=b"k")
    for without, with_key in zip(plain, keyed, strict=True):
        assert without.fields["event_id"] != with_key.fields["event_id"]
    assert plain[0].fields["amplitude_session_key"] != keyed[0].fields["amplitude_session_key"]


def test_a_number_of_a_million_digits_is_no_time() -> None:
    assert mixpanel(time="1e9999999")["timestamp"] == "1e9999999"


def test_real_traces_of_posthog_load_whole(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "data/posthog").glob("*.json"))
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    events = [event for document in documents for event in document["events"]]
    calls = [e["properties"] for e in events if e["event"] == "$ai_generation"]
    assert calls
    file = tmp_path / "warehouse.duckdb"
    warehouse = Warehouse(str(file))
    report = load(find_source("posthog"), [str(file) for file in files], warehouse, LoadOptions())
    assert report.n_quarantined == 0
    assert report.landed == {
        "ai_calls": len(calls),
        "ai_spans": sum(event["event"] == "$ai_span" for event in events),
        "ai_traces": len(documents),
    }
    landed = rows(
        file,
        "select ai_input_tokens, ai_output_tokens, cast(ai_total_cost_usd as double),"
        " cast(ai_latency as double), input_length from raw.posthog_ai_calls",
    )
    assert sorted(landed) == sorted(
        (
            call["$ai_input_tokens"],
            call["$ai_output_tokens"],
            call["$ai_total_cost_usd"],
            call["$ai_latency"],
            len(call["$ai_input"]),
        )
        for call in calls
    )
