"""What a page shows beyond tables and forests; called by notebooks, never by the library or the machine.

`pictures` answer one question of a chapter each; `dossier` writes the R scripts of a model; `exercises` check answers;
`summary` says in a sentence what the estimates of a page say.
"""
