"""What a teacher does to the course between two years: see that each part has its counterpart, and add an exercise.

It reads the notebooks' text twins and what lies beside them in the checkout, and executes nothing of either.
"""
