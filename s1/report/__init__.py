"""What a run found, as one self-contained page and as a table on the terminal.

Knows figures (``results``, ``content``, ``reading``, ``stage_reading``, ``costs``, ``published``), sentences
(``words``, ``summary``), charts (``charts``, ``curves``, ``loss``), which transcripts to show (``transcripts``), the
page (``page``), the table (``terminal``). Does not know where figures lie on disk, nor prices: ``tasks.report`` reads
and prices, this package shows.

Example::

    html = render_page(content)                 # s1.report.page
    table = render_table(score_metrics)         # s1.report.terminal
"""
