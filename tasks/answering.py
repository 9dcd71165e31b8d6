"""A model folder as something that answers questions, on the engine that the parameters name, for the time of a block.

Knows engines and who serves them: the local one is loaded into this process, vLLM servers are found or started and
stopped again. Does not know what is asked.

Example::

    with answering_model(stage, TUNED_MODEL, engine=params.generate.engine, chat=params.chat) as model:
        model.decode(jobs, seed=0, on_done=keep)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from s1.config import ChatParams, EngineParams
from s1.engine.model import AnsweringModel, load_model
from s1.models import resolve_model
from tasks.stage import StageContext


@contextmanager
def answering_model(
    stage: StageContext, folder: Path, *, engine: EngineParams, chat: ChatParams
) -> Iterator[AnsweringModel]:
    """Load a model folder, or the one that its pointer leads to; the GPUs of servers are charged to the stage.

    Raises:
        ValueError: the folder holds no model, its tokenizer cannot carry the chat format, or no server serves it; also
            from within the block when the last server is lost.
    """
    if engine.kind == "local":
        yield load_model(folder, engine=engine, chat=chat)
        return
    from infra.vllm_servers import plan_servers, vllm_servers  # with the client of HTTP, a moment to import

    stage.use_gpus(plan_servers().num_gpus)
    with vllm_servers(resolve_model(folder), dtype=engine.dtype, max_context=engine.max_context) as urls:
        yield load_model(folder, engine=engine, chat=chat, urls=urls)
