"""Where one library call meets the world: one module per stage reads artifacts, calls ``s1``, writes artifacts.

Modules whose stage is named like a standard library module carry a trailing underscore (``select_``, ``tokenize_``).
"""
