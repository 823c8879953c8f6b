"""Questions to models of others at OpenAI-compatible endpoints, and their answers: limited, checked and kept."""
