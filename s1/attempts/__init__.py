"""Recorded attempts on questions: responses that somebody's models gave earlier, read instead of running a model."""
