"""A language model as a second opinion beside the symbolic grader (``score.judge``)."""
