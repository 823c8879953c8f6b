"""What the artifact store costs."""
