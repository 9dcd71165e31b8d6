"""What a run found, as one self-contained page and as a table on the terminal.

Knows figures (``content``, ``reading``), sentences (``words``), charts (``charts``, ``curves``), which transcripts to
show (``transcripts``), the page (``page``) and the table (``terminal``). Does not know where figures lie on disk, nor
prices: ``tasks.report`` reads and prices, this package shows.

Example::

    html = render_page(content)                 # s1.report.page
    table = render_table(score_metrics)         # s1.report.terminal
"""
