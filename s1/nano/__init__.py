"""Nano: the smallest world in which the whole chain runs and its claim can be seen, without downloads, keys or GPUs.

Questions (`questions`) ask which digit a recipe of labelled steps turns into a given result, in ten domains. Base
models (`pretrain`), tiny Qwen2 ones, learn from tables how to work a recipe, and from short chats to answer at once;
they never see thinking. The teacher (`solver`) tries one digit after the other, sometimes gives up and guesses,
sometimes says `Wait` and goes on or checks again. Fine-tuning on its traces teaches the search, and the giving up.

Why thinking tokens buy accuracy here: every trial of a digit costs one line, and each of ten digits is equally likely,
so accuracy rises with every line that a budget allows. Why `Wait` helps: the student, like its teacher, often stops
before it has found the digit, and a `Wait` makes it try the next one; after a success a `Wait` makes it check again,
which changes nothing when the work is right.

What was tried, on development questions (200; student sampled at temperature 0.6 unless said):

- No pointer at the end of a line; SFT rate 1e-3 and 2e-3; tables of two to five lines. Two `Wait`s cost 33 and 46
  points (greedy: 48.5 -> 16.0, 55.0 -> 9.5): after `yes`, a `Wait` went to another digit. Cut thinking was answered
  with no usable digit (0.5% at 16 tokens). So every line ends in where to look next, which is also the answer.
- Pointer; SFT rate 2e-3: a tenth of the lines wrong, mostly a step looked up wrongly. At 6e-4, 81.5 without `Wait`,
  86.5 with one, 75.5 with two (greedy 94.5, 89.5, 80.5: a greedy student of this teacher never gives up, so there is
  nothing for a `Wait` to add). Look-up failed in lines further out than base tables are long, and the word `Wait`
  opened no line there.
- So tables open with one of several words, and some are six times longer: 2% of lines wrong instead of 6%, and
  71.5, 83.0, 86.5 with none, one and two `Wait`s (two against none: +15.0, paired standard error 3.4). That was one
  seed on development questions, and it did NOT repeat: two further fine-tuning seeds of the same base on 400 test
  questions each gave 52.8, 53.0, 48.0 (-4.8, standard error 2.6) and 42.0, 48.2, 46.2 (+4.2, 2.1). Open.
- Known words behind an own pre-tokenizer: lost when `AutoTokenizer` reads a Qwen2 folder; see `tokenizer`.
"""
