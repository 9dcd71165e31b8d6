"""Teachers: who thinks about a question so that the student can learn it (``s1.teacher.protocol``, ``building``)."""
