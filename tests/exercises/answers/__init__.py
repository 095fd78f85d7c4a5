"""Right and wrong answers to the exercises, one module a notebook: RIGHT and WRONG, by the exercise's id."""
