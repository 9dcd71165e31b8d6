"""Statistics of scores: estimates with intervals, paired comparisons, the paper's curve figures, sampling metrics.

The unit of chance is the question everywhere: its samples are averaged first and resampled together with it, which
carries both the luck of the questions and the luck of the samples. Undefined is ``None``, never zero. What breaks a
rule that every such figure obeys is refused (``MetricError``) instead of being reported.
"""
