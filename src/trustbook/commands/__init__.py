"""The commands by subject: survey files, sealed cells, the printed record, the book.

Each asks a module for its work and prints what came of it. `console` holds what they
share; `trustbook.cli` puts them together.
"""
