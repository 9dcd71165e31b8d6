"""Teachers: who thinks about a question so that the student can learn it. See ``s1.teacher.protocol``."""
