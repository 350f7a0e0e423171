"""What Sphinx calls while it builds the book: roles and directives that print what was computed, and repairs of pages.

Each module is an extension that ``_config.yml`` names. They read results, the record and the registry of findings;
none computes a statistic.
"""
