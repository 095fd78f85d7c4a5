"""What people mark: the questions and the report by a rubric, as lines in `marks/<grader>.jsonl`.

Marks are facts beside the attempts; `standing` counts what holds now, and `recount` puts it into the totals.
"""
