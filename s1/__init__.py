"""The s1 recipe as a library: pure and typed, without Prefect, DVC or MLflow.

Rooms, lowest first: ``records`` (what one row of every artifact is), ``config`` (what ``params.yaml`` means) and
``artifacts`` (how files are written and checked) carry the stage modules above them.
"""
