"""Graders in OpenAI's format: each turns a row (`item`) and an answer (`sample`) into a score.

One interface, `grade(item, sample, backend) -> Grade`, serves evals and the graders API. A grader that needs a model
names its prompts first (`requests`), so that the engine answers those of all rows in batches; `grade` looks them up.
"""
