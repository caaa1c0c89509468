"""The transfer agent: takes letters in (receive, submit), keeps them (queue), and sends them on (schedule, deliver, bounce)."""
