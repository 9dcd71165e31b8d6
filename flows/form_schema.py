"""A form's model as the schema that Prefect keeps with a deployment: its server checks it, its page draws it.

Knows what Prefect 3.8's page can draw and which errors it shows; does not know sections, and does not import Prefect.
Whatever types, limits and choices of a model refuse, the server refuses too; checks between keys stay with the model.

Example::

    schema = parameter_schema(form_for("train"))
    schema["definitions"]["TrainParams"]["properties"]["num_epochs"]
    # {'minimum': 1, 'type': 'integer', 'title': 'Number of epochs', 'description': 'Passes over the selection …', …}
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, create_model

from s1.config.helps import field_helps

_DEFINITIONS = "#/definitions/"
_PARAMS_HELP = "What the result is. It starts from the profile; a change belongs to this run only."
_APPROVAL_HELP = "Pause and ask before the run costs more than this, in US dollars; None never asks."
_TITLES = {
    "adam_beta1": "Adam beta 1",
    "adam_beta2": "Adam beta 2",
    "approve_above_usd": "Approve above (US dollars)",
    "asy_exempt_sources": "Sources exempt from the [asy] rule",
    "dtype": "Number format",
    "not_run": "Stages left out",
    "num": "Number of questions",
    "num_uniform": "Number drawn uniformly",
    "repo": "Repository",
    "zero_stage": "ZeRO stage",
}
"""Titles that the key's own words do not give."""

_TELLS_KIND = {"kind", "rule"}
"""Keys by whose value one of several models is meant."""

Schema = dict[str, Any]


def parameter_schema(form: type[BaseModel]) -> Schema:
    """The schema of a flow's parameters ``params`` (the form) and ``approve_above_usd`` (US dollars, or None)."""
    parameters = create_model(
        "Parameters",
        params=(form, Field(description=_PARAMS_HELP)),
        approve_above_usd=(float | None, Field(default=None, ge=0, description=_APPROVAL_HELP)),
    )
    raw = parameters.model_json_schema(ref_template=f"{_DEFINITIONS}{{model}}")
    models = raw["$defs"]
    helps = {**field_helps(), form.__name__: field_helps()["Params"]}
    sections = {name: _section(name, body, helps.get(name, {}), models) for name, body in models.items()}
    tabs = {f"{name}~0": section for name, section in sections.items() if _TELLS_KIND & section["properties"].keys()}
    definitions = {**sections, **tabs, **{name.removesuffix("0"): {} for name in tabs}}
    return {**_section("Parameters", raw, {}, models), "definitions": definitions}


def title_of(key: str) -> str:
    """The title of a key: 'Learning rate' for ``learning_rate``."""
    words = re.sub("^num ", "number of ", key.replace("_", " "))
    return _TITLES.get(key, words[:1].upper() + words[1:])


def _section(name: str, body: Schema, helps: Mapping[str, str], models: Mapping[str, Schema]) -> Schema:
    """An object with titles, helps and an order; lists that may be empty are not required, but have a default.

    The page leaves an empty list out where it is required, and the server would then call it missing.
    """
    properties = {}
    for position, (key, field) in enumerate(body["properties"].items()):
        text = helps.get(key) or field.get("description") or _definition(field, models)["description"]
        labels = {"title": title_of(key), "description": _plain(text), "position": position}
        empty = {"default": field.get("default", [])} if _may_be_empty_list(field) else {}
        properties[key] = {**_drawable(field, models), **empty, **labels}
    required = [key for key in body.get("required", ()) if not _may_be_empty_list(body["properties"][key])]
    return {
        "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize(),
        "type": "object",
        "description": _plain(body.get("description", "")),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _may_be_empty_list(field: Schema) -> bool:
    return field.get("type") == "array" and field.get("minItems", 0) == 0


def _definition(reference: Schema, models: Mapping[str, Schema]) -> Schema:
    return models[reference["$ref"].removeprefix(_DEFINITIONS)]


def _plain(docstring: str) -> str:
    """The first paragraph in one line; the page draws no markup (its first version draws Markdown)."""
    return " ".join(docstring.split("\n\n")[0].replace("``", "`").split())


def _drawable(field: Schema, models: Mapping[str, Schema]) -> Schema:
    """One key's schema in words that the page draws and whose errors it shows."""
    drawn = {key: value for key, value in field.items() if key not in ("const", "discriminator", "oneOf")}
    if "const" in field:  # a choice of one, made already
        drawn |= {"enum": [field["const"]], "default": field["const"]}
    if "oneOf" in field:
        drawn |= _kinds(field["oneOf"], models, key=field["discriminator"]["propertyName"])
    if isinstance(field.get("additionalProperties"), dict):
        # A mapping is drawn as JSON text, beside which the page shows errors of the whole only. This keyword, unlike
        # the other, reports a wrong value as an error of the whole.
        drawn["unevaluatedProperties"] = drawn.pop("additionalProperties")
    if "items" in field:
        drawn["items"] = _drawable(field["items"], models)
    return drawn


def _kinds(members: list[Schema], models: Mapping[str, Schema], *, key: str) -> Schema:
    """One tab for each kind to draw, and one check that knows which kind is meant.

    An ``anyOf`` that fails says so of the whole and guesses a kind to blame. So the tabs refuse nothing: they refer to
    ``Model~0``, which the page takes as it stands, while the server reads ``~0`` as an escaped ``~`` (RFC 6901) and
    finds ``Model~``, which is empty. What refuses is the check, whose errors name the key below.
    """
    kinds = {_definition(member, models)["properties"][key]["const"]: member for member in members}
    return {
        "anyOf": [{"$ref": f"{member['$ref']}~0"} for member in members],
        "if": True,
        "then": {
            "type": "object",
            "required": [key],
            "properties": {key: {"enum": list(kinds)}},
            "allOf": [
                {"if": {"required": [key], "properties": {key: {"const": kind}}}, "then": member}
                for kind, member in kinds.items()
            ],
        },
    }
