"""What a worker tells of itself, how it leaves, and who is replaced when: nothing here knows LiteLLM."""
