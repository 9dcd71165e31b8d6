"""From scores to the figures of ``metrics/score.json``: points, votes and rejection, comparisons, the gate.

Knows verdicts and names of settings; runs no model, reads no file. Rooms, lowest first: ``limits`` (what a setting
asked), ``points`` (what was measured under it), ``sampled`` (votes and rejection made of parallel samples),
``comparisons`` (which points are compared), ``figures`` (all of it as numbers), ``gate`` (what is refused).
"""
