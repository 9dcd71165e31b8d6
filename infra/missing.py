"""What to do when Python does not find a package; imports nothing but the standard library, so that it can always tell.

Example::

    except ModuleNotFoundError as missing:
        sys.exit(explain_missing(missing))
"""


def explain_missing(error: ModuleNotFoundError) -> str:
    """Advice with the package's name."""
    return (
        f"Python does not find the package {error.name!r}. Activate the project's environment "
        "(`. .venv/bin/activate`; `make install` makes it) and run again."
    )
