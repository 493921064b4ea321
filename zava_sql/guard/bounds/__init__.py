"""What an accepted text may take of PostgreSQL: memory and time in planning, and length of values.

Nothing here decides what a text may read. The modules beside this package do.
"""
