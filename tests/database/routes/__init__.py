"""Which of LiteLLM's routes touch the database, and how each is called with valid input."""
