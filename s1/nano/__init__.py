"""Nano: the smallest world in which the whole chain runs and its claim can be seen, without downloads, keys or GPUs.

Questions (`questions`) ask which digit a recipe of labelled steps turns into a given result, in ten domains. Base
models (`pretrain`), tiny Qwen2 ones, learn from tables how to work a recipe, and from short chats to answer at once;
they never see thinking. The teacher (`solver`) tries one digit after the other, sometimes gives up and guesses,
sometimes says `Wait` and goes on or checks again. Fine-tuning on its traces teaches the search, and the giving up.

Why thinking tokens buy accuracy here: every trial of a digit costs one line, and each of ten digits is equally likely,
so accuracy rises with every line that a budget allows. Why `Wait` helps: the student, like its teacher, often stops
before it has found the digit, and a `Wait` makes it try the next one; after a success a `Wait` makes it check again,
which changes nothing when the work is right. Far more `Wait`s than traces ever hold lead it where it never was, and
cost accuracy again. `python -m bench.nano` prints the figures over seeds; docs/benchmarks.md holds them.

What failed on the way, each tried once on 200 to 400 development questions with the code of that day (accuracy with
none, one and two `Wait`s, in percent):

- Lines without a pointer to the digit to try next: 55, 35, 10. After `yes`, a `Wait` went on to another digit, and
  thinking cut by a budget left nothing to answer with (0.5% at 16 tokens). So every line ends in where to look next.
- Greedy decoding of a student whose teacher gives up in every sixth place: 94, 90, 81. It never gave up, so a `Wait`
  had nothing to add. At temperature 0.6 it stops as early as its teacher.
- Base tables of two to five lines: look-up failed in lines further out (82, 87, 76). So some are six times longer.
- Answers learned from the traces alone, one token in a hundred: the student answered something else than its last
  pointer (53, 53, 48 and 42, 48, 46). Tables that end in an answer brought copying from chance to over 99%.
- A base that had never seen the word `Wait`, and for which the next digit was always the following one: the line after
  a `Wait` started at a wrong digit (74, 82, 77 and 50, 37, 27). Tables now use `Wait` among the words that open a row,
  whatever the row before said, and half of them jump between digits.
- As much weight on direct answers as on tables: looked-up steps went wrong in most lines (24, 22, 21).
"""
