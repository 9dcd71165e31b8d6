"""Two runs beside each other: what identifies a run, what makes scores incomparable, where tokens part, what flipped.

Import the module you need (``identity``, ``hashing``, ``differences``, ``divergence``, ``comparison``).
"""
