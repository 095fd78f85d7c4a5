"""What is kept: attempts in one database, and the tables made of them.

Totals are made of these facts alone; nothing is executed for them.
"""
