"""Makes src/test/resources/jinja/golden.json: what Python's jinja2, set up as transformers sets it up, makes of templates and snippets.

    python make_jinja_golden.py [TEMPLATE_DIR OUTPUT]

Needs transformers (5.17 was used) and jinja2 (3.1). Not part of the build: the result is committed.
"""
import datetime
import json
import pathlib
import sys

from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).resolve().parent
RESOURCES = HERE.parent / "resources" / "jinja"
NOW = datetime.datetime(2026, 3, 7, 15, 4, 5)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FixedClock

WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city: <now> & \"then\"", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "Ort, z.B. Köln 天气"},
                                     "days": {"type": "integer", "default": 3}, "limit": {"type": "number", "default": 1.0}},
    "required": ["city"]}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments, wrapped=True):
    function = {"name": name, "arguments": arguments}
    return {"type": "function", "id": "call_1", "function": function} if wrapped else function


U = lambda text: {"role": "user", "content": text}
A = lambda text, **more: {"role": "assistant", "content": text, **more}
S = lambda text: {"role": "system", "content": text}
T = lambda text, **more: {"role": "tool", "content": text, **more}

SCENARIOS = {
    "single": dict(messages=[U("Hi"), A("Hello!")]),
    "prompt": dict(messages=[U("Hi")], add_generation_prompt=True),
    "system": dict(messages=[S("Be brief."), U("Hi"), A("Hello!")]),
    "system_prompt": dict(messages=[S("Be brief."), U("Hi")], add_generation_prompt=True),
    "empty_system": dict(messages=[S(""), U("Hi"), A("Hello!")]),
    "multi_turn": dict(messages=[S("Sys"), U("1"), A("one"), U("2"), A("two"), U("3"), A("three")]),
    "multi_turn_prompt": dict(messages=[U("1"), A("one"), U("2"), A("two"), U("3")], add_generation_prompt=True),
    "think": dict(messages=[U("1+1?"), A("<think>\nadd them\n</think>\n\n2")]),
    "think_history": dict(messages=[U("1+1?"), A("<think>\nadd them\n</think>\n\n2"), U("and 2+2?"), A("<think>\nagain\n</think>\n\n4")]),
    "think_prompt": dict(messages=[U("1+1?"), A("<think>\nadd\n</think>\n\n2"), U("more")], add_generation_prompt=True),
    "empty_think": dict(messages=[U("1+1?"), A("<think>\n\n</think>\n\n2")]),
    "no_think_prompt": dict(messages=[U("Hi")], add_generation_prompt=True, enable_thinking=False),
    "do_think_prompt": dict(messages=[U("Hi")], add_generation_prompt=True, enable_thinking=True),
    "reasoning_content": dict(messages=[U("1+1?"), A("2", reasoning_content="add them"), U("2+2?"), A("4", reasoning_content="again\n")]),
    "tools": dict(messages=[U("Weather?")], tools=[WEATHER, CLOCK], add_generation_prompt=True),
    "tools_system": dict(messages=[S("You help."), U("Weather?")], tools=[WEATHER], add_generation_prompt=True),
    "tool_call_dict": dict(messages=[U("Weather?"), A("", tool_calls=[call("get_weather", {"city": "Köln", "days": 2})]),
                                     T('{"temp": 21.0}'), A("21 degrees")], tools=[WEATHER]),
    "tool_call_string": dict(messages=[U("Weather?"), A("", tool_calls=[call("get_weather", '{"city": "Köln"}')]),
                                       T("sunny"), A("Sunny.")], tools=[WEATHER]),
    "tool_call_null": dict(messages=[U("Weather?"), A(None, tool_calls=[call("get_weather", '{"city": "Paris"}')]),
                                     T("rain", name="get_weather")], tools=[WEATHER], add_generation_prompt=True),
    "tool_calls_two": dict(messages=[U("Both?"), A("Let me see.", tool_calls=[call("get_weather", {"city": "北京"}), call("clock", {}, False)]),
                                     T("sunny"), T("noon"), A("Sunny, noon.")], tools=[WEATHER, CLOCK]),
    "tool_think": dict(messages=[U("Weather?"), A("<think>\nuse tool\n</think>\n\n", tool_calls=[call("get_weather", {"city": "Rom"})]),
                                 T("hot"), A("<think>\nhot\n</think>\n\nHot."), U("Thanks"), A("Sure.")], tools=[WEATHER]),
    "null_content": dict(messages=[U("Hi"), A(None)]),
    "wrong_order": dict(messages=[A("I start"), U("Hi"), U("twice"), A("ok")]),
    "two_systems": dict(messages=[S("one"), U("Hi"), S("two"), A("ok")]),
    "unknown_role": dict(messages=[U("Hi"), {"role": "critic", "content": "bad"}, A("ok")]),
    "missing_content": dict(messages=[U("Hi"), {"role": "assistant"}]),
    "braces": dict(messages=[U("{{ 7 * 7 }} {% if x %} {# no #} {}"), A("{{bos_token}} }} %}")]),
    "unicode": dict(messages=[U("naïve 你好 😀 \u2028 e\u0301"), A("ﬁn 👩‍👩‍👧 ﷽")]),
    "spaces": dict(messages=[S("  padded \n"), U("\n\n tabs\t "), A("  lines \n\n")]),
    "numbers": dict(messages=[U("n"), A("", tool_calls=[call("f", {"a": 1.0, "b": 1e-07, "c": 12345678901234567890, "d": True, "e": None,
                                                                 "f": [1, 2.5, {"g": "<&'\">"}], "h": 1e16, "i": -0.0})])], tools=[WEATHER]),
    "text_parts": dict(messages=[{"role": "user", "content": [{"type": "text", "text": "part one"}, {"type": "text", "text": "part two"}]},
                                 A("ok")]),
    "empty": dict(messages=[], add_generation_prompt=True),
}
DEFAULTS = dict(bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def outcome(source, context):
    context = json.loads(json.dumps(context))
    try:
        compiled = chat_template_utils._compile_jinja_template(source)
    except Exception as e:
        return {"error": type(e).__name__, "at": "compile"}
    try:
        text, spans = chat_template_utils._render_with_assistant_indices(
            compiled, context.pop("messages", None), context.pop("tools", None), context.pop("documents", None),
            context.pop("add_generation_prompt", False), **context)
    except Exception as e:
        raised = str(e) if type(e).__name__ == "TemplateError" else None
        return {"error": type(e).__name__, **({"raised": raised} if raised is not None else {})}
    return {"text": text, **({"spans": spans} if spans else {})}


def main():
    templates = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else RESOURCES / "templates"
    output = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else RESOURCES / "golden.json"
    chats = []
    for path in sorted(templates.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        for name, scenario in SCENARIOS.items():
            chats.append({"template": path.name, "scenario": name, **outcome(source, {**DEFAULTS, **scenario})})
    snippets = []
    if output.parent == RESOURCES:
        given = json.loads((HERE / "snippets.json").read_text(encoding="utf-8"))
        snippets = [{"source": source, **outcome(source, given["context"])} for source in given["sources"]]
    with open(output, "w", encoding="utf-8", newline="\n") as f:
        json.dump({"now": NOW.isoformat(), "defaults": DEFAULTS, "scenarios": SCENARIOS, "chats": chats, "snippets": snippets,
                   "snippet_context": given["context"] if snippets else {}}, f,
                  ensure_ascii=False, indent=1)
        f.write("\n")
    print(len(chats), "chats,", len(snippets), "snippets,", sum("error" in c for c in chats + snippets), "errors")


if __name__ == "__main__":
    main()
