"""The judge as a model on a chat server: what every request to it holds, and what its messages call it.

Knows the variables and parameters that name it; requests and retries are ``s1.asking.server``.

Example::

    server = JudgeServer("gpt-4.1-mini", template_hash="…", environment=os.environ)
    server.ask(Request(teacher=server.identity, prompt="…")).answer
"""

from collections.abc import Mapping, Sequence

from s1.asking.server import PAUSES, AskError, ChatServer, Role

_MAX_TOKENS = 2048


class JudgeError(AskError):
    """The judge cannot be asked; the message says what to do. What it has answered is kept."""


def judge_role(parameter: str) -> Role:
    """The judge that a parameter names; its variables are ``S1_JUDGE_URL``, ``_API_KEY`` and ``_PARALLEL``."""
    return Role(name="judge", parameter=parameter, otherwise=f"leave {parameter} empty", error=JudgeError)


class JudgeServer(ChatServer):
    """One judge.

    Args:
        template_hash: names the prompt's template; opinions under another one are not taken for these.
        pauses: seconds before each further try of a request that failed in passing.
        parameter: what names the judge, for messages.
    """

    def __init__(
        self,
        model: str,
        *,
        template_hash: str,
        environment: Mapping[str, str],
        pauses: Sequence[float] = PAUSES,
        parameter: str = "score.judge",
    ) -> None:
        super().__init__(
            model,
            role=judge_role(parameter),
            identity={"judge": model, "template": template_hash, "temperature": 0, "max_tokens": _MAX_TOKENS},
            options={"temperature": 0, "max_tokens": _MAX_TOKENS},
            environment=environment,
            pauses=pauses,
        )
