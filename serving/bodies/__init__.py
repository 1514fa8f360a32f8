"""What is posted as a question and what comes as its answer, one file per group of questions."""
