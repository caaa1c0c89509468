"""The defence: evidence about a letter, what it is judged to be, and why."""
