"""The subject of a question, found from its text alone.

Never sees the solution or a source's own label. Rooms, lowest first: ``taxonomy`` (the 61 domains), ``protocol`` (what
a classifier is), ``procedural`` (questions of ``s1.nano``), ``local`` (a linear model over words that comes with the
program; ``words`` are its features), ``llm`` (a language model behind a chat server), ``building`` (which one the
parameters name).
"""
