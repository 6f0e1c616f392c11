# The answer.
x = 42
