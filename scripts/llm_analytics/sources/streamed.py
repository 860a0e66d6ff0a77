"""A response that was streamed, put together from its chunks.

A log may hold the chunks as a list, or the server-sent events as text. What comes out has the form
that the same API gives without streaming, so that nothing else knows of streams: OpenAI's chat
completions and responses, Anthropic's messages, Gemini's generateContent. A stream that was cut
gives what had come; its tokens are then unknown, unless a chunk before counted them.
"""

from __future__ import annotations

import json
from typing import Any

Row = dict[str, Any]


def assembled(body: Any) -> Any:
    """The whole response of a list or text of chunks; anything else as it is."""
    chunks = _chunks(body)
    if not chunks:
        return body
    first = chunks[0]
    if any(chunk.get("object") == "chat.completion.chunk" for chunk in chunks):
        return _chat(chunks)
    if str(first.get("type")).startswith("response."):
        return _response(chunks)
    if first.get("type") == "message_start":
        return _message(chunks)
    if any(isinstance(chunk.get("candidates"), list) for chunk in chunks):
        return _candidates(chunks)
    return body


def _chunks(body: Any) -> list[Row]:
    """The chunks, as objects; none if it is no stream."""
    if isinstance(body, str) and body.lstrip().startswith(("data:", "event:")):
        body = _events(body)
    if not isinstance(body, list):
        return []
    return body if all(isinstance(chunk, dict) for chunk in body) else []


def _events(text: str) -> list[Any]:
    """What the `data` lines of server-sent events hold, up to one that was cut."""
    found = []
    for line in text.splitlines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data and data != "[DONE]":
            try:
                found.append(json.loads(data))
            except (ValueError, RecursionError):
                break
    return found


def _chat(chunks: list[Row]) -> Row:
    """Chunks of OpenAI's chat completions."""
    whole: Row = {"object": "chat.completion"}
    message: Row = {"role": "assistant", "content": ""}
    choice: Row = {"index": 0, "message": message}
    calls: dict[Any, Row] = {}
    for chunk in chunks:
        for key in ("id", "created", "model", "system_fingerprint", "usage", "error"):
            if chunk.get(key):
                whole[key] = chunk[key]
        for part in _objects(chunk.get("choices")):
            # Of several answers to one request the first counts, as without streaming.
            if part.get("index", 0) != 0:
                continue
            delta = _object(part.get("delta"))
            message["content"] += _text(delta.get("content"))
            choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
            for call in _objects(delta.get("tool_calls")):
                _add_call(calls.setdefault(call.get("index"), {"function": {}}), call)
    if calls:
        message["tool_calls"] = list(calls.values())
    return {**whole, "choices": [choice]}


def _add_call(held: Row, part: Row) -> None:
    """One more piece of a call of a tool."""
    held.update({key: part[key] for key in ("id", "type") if part.get(key)})
    for key, value in _object(part.get("function")).items():
        held["function"][key] = _text(held["function"].get(key)) + _text(value)


def _response(chunks: list[Row]) -> Row:
    """Events of OpenAI's responses: the last one that holds the response has all of it."""
    held = [chunk["response"] for chunk in chunks if isinstance(chunk.get("response"), dict)]
    return held[-1] if held else {"object": "response"}


def _message(chunks: list[Row]) -> Row:
    """Events of Anthropic's messages; the last count of a kind of token is the whole."""
    whole: Row = {"type": "message", "role": "assistant"}
    blocks: dict[Any, Row] = {}
    usage: Row = {}
    for chunk in chunks:
        kind = chunk.get("type")
        if kind == "message_start":
            whole |= _object(chunk.get("message"))
            usage |= _object(whole.get("usage"))
        elif kind == "content_block_start":
            blocks[chunk.get("index")] = dict(_object(chunk.get("content_block")))
        elif kind == "content_block_delta":
            block = blocks.setdefault(chunk.get("index"), {"type": "text"})
            delta = _object(chunk.get("delta"))
            if delta.get("type") == "text_delta":
                block["text"] = _text(block.get("text")) + _text(delta.get("text"))
            elif delta.get("type") == "input_json_delta":
                block["json"] = _text(block.get("json")) + _text(delta.get("partial_json"))
        elif kind == "message_delta":
            whole |= {key: value for key, value in _object(chunk.get("delta")).items() if value}
            usage |= {
                key: value
                for key, value in _object(chunk.get("usage")).items()
                if value is not None
            }
        elif kind == "error":
            whole["error"] = chunk.get("error")
    for block in blocks.values():
        if "json" in block:
            block["input"] = _parsed(block.pop("json"))
    return {**whole, "content": list(blocks.values()), **({"usage": usage} if usage else {})}


def _candidates(chunks: list[Row]) -> Row:
    """Chunks of Gemini's streamGenerateContent; each counts all tokens so far."""
    whole: Row = {}
    parts: list[Row] = []
    candidate: Row = {}
    for chunk in chunks:
        whole |= {key: value for key, value in chunk.items() if key != "candidates"}
        for held in _objects(chunk.get("candidates"))[:1]:
            candidate |= {key: value for key, value in held.items() if key != "content"}
            for part in _objects(_object(held.get("content")).get("parts")):
                if parts and part.keys() == parts[-1].keys() == {"text"}:
                    parts[-1] = {"text": _text(parts[-1]["text"]) + _text(part["text"])}
                else:
                    parts.append(part)
    candidate["content"] = {"role": "model", "parts": parts}
    return {**whole, "candidates": [candidate]}


def _parsed(json_text: str) -> Any:
    """The input of a tool; the text itself where it was cut."""
    try:
        return json.loads(json_text)
    except (ValueError, RecursionError):
        return json_text


def _object(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Row]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
