"""The search for rows of people: what a file holds, and what of it is somebody's.

`unpacking` opens a file of any kind as far as that is safe and gives its parts: texts,
tables, bytes, or the reason why it cannot be read. `records` finds the lines of tables
within texts. `spelling` writes texts in one plain form, in which a value is the same in
CSV, HTML, JSON and a script. `own` knows the values that are somebody's alone, and
`matching` whose line of a table it is. `trustbook.leaks` puts them together.
"""
