"""The evidence chapters: pictures and tables of printed figures, and numbers from them.

`arithmetic` computes from plain numbers, `plan` has the forms of the files, `numbers`
follows ``data/published/evidence.yml``; `sections` says what belongs to which chapter.
`figure`, `tables` and `contrasts` hold the directives that
`trustbook.sphinx.evidence_pages` registers, and `page` what these share.
"""
