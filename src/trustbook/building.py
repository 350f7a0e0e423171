"""jupyter-book as a program: ``python -m trustbook.building build book ...``.

Its own package has none that can be run so, and the command beside this Python may be
that of another.
"""

if __name__ == "__main__":
    from jupyter_book.cli.main import main

    main()
