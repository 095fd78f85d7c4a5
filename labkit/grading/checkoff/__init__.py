"""Check-off at the bench: four questions per group, from their own numbers, figure and code, each with a known answer.

Pages are made from what a night found, nothing is executed for them; what a TA ticks goes into the marks.
"""
