"""What Sphinx calls while it builds the book: roles, directives, and repairs of pages.

The extensions are the modules that ``_config.yml`` names; `directives` and the package
`evidence` hold what they are made of. They read results, the record and the registry of
findings. None fits a model: the evidence chapters compute from print alone.
"""
