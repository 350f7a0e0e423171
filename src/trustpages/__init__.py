"""What a page shows beyond tables and forests; called by notebooks, never by the library or the machine.

`summary` says in a sentence what the estimates of a page say.
"""
