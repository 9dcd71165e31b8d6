"""Measured comparisons that anyone can run; figures in ``docs/benchmarks.md`` come from here."""
