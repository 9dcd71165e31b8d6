"""Ranks that compute one packed row together: DeepSpeed's Ulysses around an attention core of ours.

A row is cut into equal contiguous shards, one per rank of a group. Everything but attention works on single tokens, so
it needs nothing of the other shards; around attention, Ulysses exchanges whole rows of some heads for shards of all
heads (arXiv 2309.14509). Its own registration with transformers is not used: it replaces a core for the whole process
and keeps one size of group for good, while here every model names the exchange that it wants.

ZeRO is told nothing of this (no ``mpu``): to it every rank is a data-parallel one, so at all stages gradients are
summed over all ranks and divided by their number. Told of it, ZeRO 2 would divide by the number of groups and ZeRO 3 by
the number of ranks (DeepSpeed 0.19.8, ``stage_1_and_2.py`` and ``coalesced_collectives.py``).

Knows heads, groups of ranks and transformers' table of attention functions; does not know examples.

Example::

    share_rows(model, sequence_parallel=8, attention="varlen").num_groups       # 2 on 16 ranks
"""

from typing import Any

from torch import distributed
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from s1.batching import Layout, make_layout
from s1.training.attention import register_attention
from s1.training.spec import AttentionKernel


def share_rows(model: PreTrainedModel, *, sequence_parallel: int, attention: AttentionKernel) -> Layout:
    """Give a model the attention that its ranks need; every rank calls this in the same order.

    Args:
        sequence_parallel: ranks that share one row.
        attention: core that sees whole rows: of all heads on one rank, of this rank's heads in a group.

    Raises:
        LayoutError: ranks and heads do not allow groups of this size; names the sizes that they do.
    """
    heads = model.config.get_text_config()
    layout = make_layout(
        distributed.get_world_size(),
        sequence_parallel=sequence_parallel,
        num_heads=heads.num_attention_heads,
        num_kv_heads=heads.num_key_value_heads,
    )
    core = register_attention(attention)
    name = core if sequence_parallel == 1 else _register_exchange(core, heads, layout=layout)
    model.set_attn_implementation(name)
    return layout


def _register_exchange(core: str, heads: PreTrainedConfig, *, layout: Layout) -> str:
    from deepspeed.runtime.sequence_parallel.ulysses_sp import UlyssesSPAttentionHF

    exchange = UlyssesSPAttentionHF(
        attn=ALL_ATTENTION_FUNCTIONS[core],
        batch_size=1,
        attn_head_count=heads.num_attention_heads,
        attn_head_size=getattr(heads, "head_dim", None) or heads.hidden_size // heads.num_attention_heads,
        kv_head_count=heads.num_key_value_heads,
        num_hidden_layers=heads.num_hidden_layers,
        process_group=_own_group(layout),
        seq_length_is_variable=True,
    )

    def attend(*args: Any, **kwargs: Any) -> Any:
        return exchange(*args, **kwargs)

    name = f"s1_ulysses_{layout.sequence_parallel}_{core}"
    ALL_ATTENTION_FUNCTIONS.register(name, attend)
    return name


def _own_group(layout: Layout) -> Any:
    """The process group that this rank shares rows with; groups are made by all ranks together, in order."""
    size = layout.sequence_parallel
    groups = [
        distributed.new_group(list(range(group * size, (group + 1) * size))) for group in range(layout.num_groups)
    ]
    return groups[layout.group_of(distributed.get_rank())]
