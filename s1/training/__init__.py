"""Fine-tuning with DeepSpeed ZeRO: the same code on two CPU ranks and on many GPUs.

``worker`` is what each rank runs; ``spec`` is what it is told, ``examples`` what it reads, ``loss`` what it computes,
``schedule``, ``engine`` and ``checkpoints`` how it steps, shards and survives. Only these import torch, and only when
imported themselves.
"""
