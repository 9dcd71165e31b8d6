"""The parameter form of a deployment: which sections it shows, and its values as whole parameters.

Types and limits are those of ``s1.config``, whose own fields the form has. Does not know how a form is drawn
(``flows.form_schema``), nor flows and servers, and does not import Prefect.

Example::

    form = form_for("train")                        # sections seed, chat, tokenize, train
    values = form_values(form, profile)             # what the form shows first
    params = complete_params(form.model_validate(values), profile)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError, create_model

from flows.groups import GROUPS
from infra.pipeline import PIPELINE, read_pipeline
from s1.config import Params, ParamsError, Section


def sections_of_group(group: str, *, pipeline: Path = PIPELINE) -> tuple[str, ...]:
    """Sections that people change when they run a group, in the order of ``Params``.

    These are the sections of the group's stages, and what several stages share (``seed``, ``chat``) where a stage of
    the group reads it. Another stage's section is left out even where it is read: ``report`` reads them all to show
    them. What a profile does not run (``not_run``) is asked for the whole chain only.

    Raises:
        KeyError: there is no such group.
    """
    stages = read_pipeline(pipeline)
    own = GROUPS[group].stages
    read = {section for stage in own for section in stages[stage].params}
    shared = read - stages.keys() - {"not_run"}
    return tuple(name for name in Params.model_fields if name in own or name in shared)


def form_for(group: str | None, *, pipeline: Path = PIPELINE) -> type[Section]:
    """The model of a form: ``Params`` itself for the whole chain (None), or those of its sections that a group shows.

    Raises:
        KeyError: there is no such group.
    """
    if group is None:
        return Params
    fields: dict[str, Any] = {
        name: (Params.model_fields[name].annotation, Params.model_fields[name])
        for name in sections_of_group(group, pipeline=pipeline)
    }
    form: type[Section] = create_model(
        f"{group.capitalize()}Form", __base__=Section, __module__=__name__, __doc__=GROUPS[group].purpose, **fields
    )
    return form


def form_values(form: type[Section], params: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a whole params file that a form shows: a deployment's defaults."""
    return {name: params[name] for name in form.model_fields}


def complete_params(form_value: Section, profile: Mapping[str, Any]) -> Params:
    """The form's sections over the profile's, checked as a whole.

    Raises:
        ParamsError: the sections do not agree with each other (names the keys).
    """
    data = {**profile, **form_value.model_dump(mode="json")}
    try:
        return Params.model_validate(data)
    except ValidationError as error:
        issues = [f"{'.'.join(map(str, issue['loc'])) or 'params'}: {issue['msg']}" for issue in error.errors()]
        raise ParamsError("\n".join(issues)) from error
