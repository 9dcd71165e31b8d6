"""From ``generate`` to the settings that are decoded: budgets, Wait counts, further points, parallel samples, controls.

Knows parameters and names of settings; decodes nothing. A point is a ``ForcingSpec``; what the context leaves for
thinking (``auto``) is computed here from the longest prompt.

Example::

    [spec.name for spec in settings_of(params.generate, max_thinking_tokens=512)]   # ['max-64', …, 'wait-2']
"""

from collections.abc import Sequence

from s1.config import ForcingParams, GenerateParams
from s1.forcing.spec import ForcingError, ForcingSpec, ForcingTokens, num_closing, num_needed
from s1.setting_names import DIRECT, PARALLEL, setting_name


def direct_setting(*, max_answer_tokens: int) -> ForcingSpec:
    """No thinking: the model answers at once."""
    return ForcingSpec(name=DIRECT, max_thinking_tokens=None, max_answer_tokens=max_answer_tokens)


def settings_of(generate: GenerateParams, *, max_thinking_tokens: int) -> list[ForcingSpec]:
    """The points that all think under the same prompt: ``max-N``, ``wait-N``, ``generate.settings``, ``parallel``.

    Args:
        max_thinking_tokens: limit of all points that set none: the parameter's value, or what ``auto`` comes to.

    Raises:
        ForcingError: a point is impossible.
    """
    specs = [
        *(_spec(generate, setting_name("budget", budget), budget) for budget in generate.budgets),
        *(
            _spec(generate, setting_name("wait", count), max_thinking_tokens, num_waits=count)
            for count in generate.wait_counts
        ),
        *(_further(generate, params, limit=max_thinking_tokens) for params in generate.settings),
    ]
    if generate.num_parallel:
        specs.append(_spec(generate, PARALLEL, max_thinking_tokens))
    return specs


def control_setting(
    generate: GenerateParams, name: str, *, max_thinking_tokens: int, has_step_marks: bool = False
) -> ForcingSpec:
    """The point of a prompted control: plain thinking under its own prompt and limit."""
    return _spec(generate, name, max_thinking_tokens, has_step_marks=has_step_marks)


def of_sample(
    specs: Sequence[ForcingSpec], generate: GenerateParams, *, sample: int
) -> dict[float, tuple[ForcingSpec, ...]]:
    """Those settings of which sample number ``sample`` (from 0) is wanted, by temperature.

    Settings of one temperature share their traces; parallel samples may have one of their own.
    """
    wanted: dict[float, tuple[ForcingSpec, ...]] = {}
    for spec in specs:
        is_parallel = spec.name == PARALLEL
        if sample < (generate.num_parallel if is_parallel else generate.num_samples):
            temperature = generate.temperature_of_parallel if is_parallel else generate.temperature
            wanted[temperature] = (*wanted.get(temperature, ()), spec)
    return wanted


def auto_thinking_tokens(
    tokens: ForcingTokens, *, max_context: int, longest_prompt: int, max_answer_tokens: int
) -> int:
    """What ``auto`` comes to: the context without the longest prompt, the delimiters and the answer.

    Raises:
        ForcingError: nothing is left.
    """
    left = max_context - longest_prompt - num_closing(tokens) - max_answer_tokens
    if left < 1:
        raise ForcingError(
            f"generate.max_thinking_tokens is auto, but the longest prompt ({longest_prompt} tokens), the delimiters "
            f"({num_closing(tokens)}) and generate.max_answer_tokens ({max_answer_tokens}) fill the context of "
            f"{max_context} tokens; lower max_answer_tokens, or leave the longest questions out"
        )
    return left


def check_room(specs: Sequence[ForcingSpec], tokens: ForcingTokens, *, max_context: int, shortest_prompt: int) -> None:
    """See that every setting fits the context with the shortest prompt; longer prompts may still be cut.

    Raises:
        ForcingError: a setting fits no prompt at all.
    """
    room = max_context - shortest_prompt
    for spec in specs:
        over = num_needed(spec, tokens) - room
        if over <= 0:
            continue
        thinking = "" if spec.max_thinking_tokens is None else f"{spec.max_thinking_tokens} thinking tokens, "
        raise ForcingError(
            f"setting {spec.name!r} needs {thinking}{spec.max_answer_tokens} of the answer and the delimiters behind a "
            f"prompt of at least {shortest_prompt}: {over} tokens over the model's context of {max_context}. Lower its "
            "budget or generate.max_answer_tokens, or set generate.max_thinking_tokens to auto"
        )


def _further(generate: GenerateParams, params: ForcingParams, *, limit: int) -> ForcingSpec:
    return _spec(
        generate,
        params.name,
        limit if params.max_thinking_tokens is None else params.max_thinking_tokens,
        min_thinking_tokens=params.min_thinking_tokens,
        num_waits=params.num_waits,
        texts=tuple(params.texts),
        only_below=params.only_below,
    )


def _spec(
    generate: GenerateParams,
    name: str,
    max_thinking_tokens: int,
    *,
    min_thinking_tokens: int = 0,
    num_waits: int = 0,
    texts: tuple[str, ...] = (),
    only_below: float | None = None,
    has_step_marks: bool = False,
) -> ForcingSpec:
    return ForcingSpec(
        name=name,
        max_thinking_tokens=max_thinking_tokens,
        min_thinking_tokens=min_thinking_tokens,
        num_waits=num_waits,
        texts=texts,
        only_below=only_below,
        loops=generate.loops,
        has_step_marks=has_step_marks,
        max_answer_tokens=generate.max_answer_tokens,
    )
